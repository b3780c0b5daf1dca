//! What becomes of a funding at its deadline.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use proto_schemas::UserId;

use crate::catalogue::{Coupon, CouponStatus, FundingStatus};
use crate::money::{Currency, Money, MoneyError};
use crate::occurrence::event_id;

/// How a funding ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Its goal was met.
    Succeeded,
    /// Its goal was not met.
    Failed,
}

/// What somebody has to do with a funding. Who has several roles is told once, in the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Made it.
    Maker,
    /// Pledged money to it.
    Backer,
    /// Follows it.
    Follower,
}

/// What backers of a funding that succeeds are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reward {
    /// How long the coupon can be used, counted from the deadline.
    pub validity: TimeDelta,
    /// What it is worth, at most once for each currency. A funding in another currency gives coupons that state no amount.
    pub amounts: Vec<Money>,
}

/// Why a reward makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RewardError {
    /// The key is no currency, or the value is no amount of it.
    #[error("the amount for {currency:?} cannot be used")]
    Amount {
        /// The currency, as it was written.
        currency: String,
        /// What is wrong.
        source: MoneyError,
    },
    /// A coupon that is worth nothing.
    #[error(
        "the amount for {currency:?} is nothing; leave the currency out for coupons that state no amount"
    )]
    Nothing {
        /// The currency, as it was written.
        currency: String,
    },
}

impl Outcome {
    /// Goal met or not. Both amounts are in the currency of the goal.
    pub fn decide(goal: Money, raised: Money) -> Self {
        if raised.minor_units >= goal.minor_units {
            Self::Succeeded
        } else {
            Self::Failed
        }
    }

    /// The status that records it.
    pub fn status(self) -> FundingStatus {
        match self {
            Self::Succeeded => FundingStatus::Succeeded,
            Self::Failed => FundingStatus::Failed,
        }
    }
}

impl Reward {
    /// A reward with its amounts in major units by ISO 4217 code, such as `KRW` and `5000`.
    pub fn new(validity: TimeDelta, amounts: &BTreeMap<String, String>) -> Result<Self, RewardError> {
        let amounts = amounts.iter().map(|(code, text)| amount(code, text));
        Ok(Self {
            validity,
            amounts: amounts.collect::<Result<_, _>>()?,
        })
    }

    /// What a coupon of a funding in this currency is worth, where that is stated.
    pub fn amount(&self, currency: Currency) -> Option<Money> {
        self.amounts
            .iter()
            .copied()
            .find(|amount| amount.currency == currency)
    }

    /// The coupon of one backer. Its id says what it is for, so that settling again finds it instead of adding another.
    pub fn coupon(
        &self,
        funding_id: &str,
        currency: Currency,
        closed_at: DateTime<Utc>,
        backer: UserId,
    ) -> Coupon {
        Coupon {
            id: event_id(&["reward-coupon", funding_id, backer.as_str()]).to_string(),
            user_id: backer,
            funding_id: Some(funding_id.to_owned()),
            expires_at: closed_at + self.validity,
            status: Some(CouponStatus::Active),
            amount: self.amount(currency),
        }
    }
}

fn amount(code: &str, text: &str) -> Result<Money, RewardError> {
    let wrong = |source| RewardError::Amount {
        currency: code.to_owned(),
        source,
    };
    let amount = Money::from_major(text, code.parse().map_err(wrong)?).map_err(wrong)?;
    if amount.minor_units == 0 {
        return Err(RewardError::Nothing {
            currency: code.to_owned(),
        });
    }
    Ok(amount)
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn reward(code: &str, text: &str) -> Result<Reward, RewardError> {
        let amounts = BTreeMap::from([(code.to_owned(), text.to_owned())]);
        Reward::new(TimeDelta::days(90), &amounts)
    }

    #[test]
    fn a_coupon_is_worth_what_its_currency_is_given() {
        let currency = |code: &str| code.parse().unwrap();
        let won = reward("KRW", "5000").unwrap();
        let worth = |code| won.amount(currency(code)).map(|amount| amount.to_string());
        assert_eq!(worth("KRW").as_deref(), Some("5000 KRW"));
        assert_eq!(worth("USD"), None);
        let cents = reward("USD", "2.50").unwrap();
        let coupon = |code| {
            let backer = UserId::new("ann").unwrap();
            cents.coupon("f1", currency(code), DateTime::UNIX_EPOCH, backer)
        };
        assert_eq!(coupon("USD").amount.map(|amount| amount.minor_units), Some(250));
        assert_eq!(coupon("KRW").amount, None);
        // What a coupon is worth is no part of what it is.
        assert_eq!(coupon("USD").id, coupon("KRW").id);
    }

    #[test]
    fn a_wrong_amount_is_refused_and_its_currency_named() {
        for (code, text) in [
            ("KRW", "0.5"),
            ("DOGE", "1"),
            ("USD", "-1"),
            ("EUR", "a few"),
            ("EUR", "0.00"),
        ] {
            let error = reward(code, text).unwrap_err();
            assert!(error.to_string().contains(code), "{error}");
        }
        let reason = reward("KRW", "0.5").unwrap_err();
        assert!(reason.source().unwrap().to_string().contains("decimals"));
    }
}
