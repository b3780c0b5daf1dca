//! Exact amounts: integers in the minor unit of an ISO 4217 currency, never floating point.

use std::fmt;
use std::str::FromStr;

use iso_currency::Currency as Iso;

/// An ISO 4217 currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(Iso);

/// An amount of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    /// The currency.
    pub currency: Currency,
    /// The amount in its minor unit (cents for USD, won for KRW).
    pub minor_units: i64,
}

/// Why a text is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// No such currency.
    #[error("{0:?} is no ISO 4217 currency code, such as USD or KRW")]
    Currency(String),
    /// Not digits with at most one decimal point.
    #[error("{0:?} is no decimal amount, such as 1250 or 1250.50")]
    Form(String),
    /// Finer than the currency's minor unit.
    #[error("{text:?} has more decimals than the {digits} of {currency}")]
    TooFine {
        /// The amount as it was written.
        text: String,
        /// The currency it was to be read in.
        currency: Currency,
        /// How many decimals that currency has.
        digits: u32,
    },
    /// Beyond what is stored.
    #[error("{0:?} is more than can be stored")]
    TooLarge(String),
    /// Below nothing.
    #[error("{0:?} is negative")]
    Negative(String),
}

impl Currency {
    /// How many decimals its major unit has: 2 for USD, 0 for KRW, 3 for KWD.
    pub fn digits(self) -> u32 {
        self.0.exponent().unwrap_or(0).into()
    }

    /// The three-letter code.
    pub fn code(self) -> &'static str {
        self.0.code()
    }
}

impl Money {
    /// Reads a decimal amount in major units, such as `1250.50`, exactly.
    pub fn from_major(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let form = || MoneyError::Form(text.to_owned());
        if text.starts_with('-') {
            return Err(MoneyError::Negative(text.to_owned()));
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits_only = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits_only(whole) || !digits_only(fraction) {
            return Err(form());
        }
        let digits = currency.digits();
        let significant = fraction.trim_end_matches('0');
        let missing =
            (digits as usize)
                .checked_sub(significant.len())
                .ok_or_else(|| MoneyError::TooFine {
                    text: text.to_owned(),
                    currency,
                    digits,
                })?;
        let minor_units = format!("{whole}{significant}{}", "0".repeat(missing))
            .parse()
            .map_err(|_| MoneyError::TooLarge(text.to_owned()))?;
        Ok(Self {
            currency,
            minor_units,
        })
    }

    /// The amount in major units with the decimals of its currency, for example `1250.50`.
    pub fn to_major(self) -> String {
        let digits = self.currency.digits() as usize;
        if digits == 0 {
            return self.minor_units.to_string();
        }
        let sign = if self.minor_units < 0 { "-" } else { "" };
        let padded = format!("{:0>width$}", self.minor_units.unsigned_abs(), width = digits + 1);
        let (whole, fraction) = padded.split_at(padded.len() - digits);
        format!("{sign}{whole}.{fraction}")
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Iso::from_code(code)
            .map(Self)
            .ok_or_else(|| MoneyError::Currency(code.to_owned()))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_major(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str, code: &str) -> Result<i64, MoneyError> {
        Money::from_major(text, code.parse().unwrap()).map(|m| m.minor_units)
    }

    #[test]
    fn major_units_are_read_exactly_in_the_currencys_decimals() {
        assert_eq!(money("1250.5", "USD"), Ok(125_050));
        assert_eq!(money("0.07", "EUR"), Ok(7));
        assert_eq!(money("9.", "USD"), Ok(900));
        assert_eq!(money("1000.0", "KRW"), Ok(1000));
        assert_eq!(money("1.234", "KWD"), Ok(1234));
    }

    #[test]
    fn what_would_lose_or_invent_money_is_refused() {
        assert!(matches!(
            money("0.005", "USD"),
            Err(MoneyError::TooFine { digits: 2, .. })
        ));
        assert!(matches!(
            money("10.5", "KRW"),
            Err(MoneyError::TooFine { digits: 0, .. })
        ));
        assert!(matches!(money("-1", "USD"), Err(MoneyError::Negative(_))));
        assert!(matches!(
            money("99999999999999999999", "USD"),
            Err(MoneyError::TooLarge(_))
        ));
        for text in ["", ".5", "1,000", "1e3", "NaN", "1.2.3", " 1", "٣"] {
            assert!(matches!(money(text, "USD"), Err(MoneyError::Form(_))), "{text:?}");
        }
        assert!(matches!("XYZ1".parse::<Currency>(), Err(MoneyError::Currency(_))));
    }

    #[test]
    fn amounts_are_written_with_the_currencys_decimals() {
        let shown = |minor_units, code: &str| {
            Money {
                currency: code.parse().unwrap(),
                minor_units,
            }
            .to_string()
        };
        assert_eq!(shown(125_050, "USD"), "1250.50 USD");
        assert_eq!(shown(7, "EUR"), "0.07 EUR");
        assert_eq!(shown(-5, "USD"), "-0.05 USD");
        assert_eq!(shown(1000, "KRW"), "1000 KRW");
    }
}
