use domain::notice::BadRow;

use crate::StoreError;

/// Why something was not done about one funding.
#[derive(Debug, thiserror::Error)]
pub enum FundingError {
    /// The funding itself makes no sense, until somebody mends it. Others are not concerned.
    #[error("a funding makes no sense")]
    Bad(#[source] BadRow),
    /// The database failed. Others would fare the same.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FundingError {
    pub(super) fn bad(funding_id: &str, reason: impl Into<String>) -> Self {
        Self::Bad(BadRow {
            row: format!("funding {funding_id}"),
            reason: reason.into(),
        })
    }

    /// What the database refuses to write for a funding, it refuses for what that funding holds.
    pub(super) fn blaming(self, funding_id: &str) -> Self {
        match self {
            Self::Store(error) if error.refuses_rows() => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                Self::bad(funding_id, format!("{error}: {}", cause.unwrap_or_default()))
            }
            other => other,
        }
    }
}
