use domain::money::{Currency, Money};
use domain::notice::AmountRow;

use crate::StoreError;

/// The currency of a stored funding.
pub(crate) fn currency(funding_id: &str, code: &str) -> Result<Currency, StoreError> {
    code.parse().map_err(|_| StoreError::Stored {
        row: format!("funding {funding_id}"),
        column: "currency",
        found: code.to_owned(),
    })
}

pub(crate) fn money(currency: Currency, minor_units: i64) -> Money {
    Money {
        currency,
        minor_units,
    }
}

/// An amount of a row that may have none.
pub(crate) fn amount_row(minor_units: Option<i64>, currency: Option<String>) -> Option<AmountRow> {
    Some(AmountRow {
        minor_units: minor_units?,
        currency: currency.unwrap_or_default(),
    })
}
