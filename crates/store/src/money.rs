use domain::money::{Currency, Money};

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
