use domain::catalogue::Pledge;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;

use super::upsert::{DefaultColumn, Row, upsert};
use crate::entity::pledge::{ActiveModel, Column};
use crate::error::Attempting;
use crate::{Store, StoreError};

impl Store {
    /// Adds pledges or brings them up to date, all or none. There is one for each funding and user. Its amount counts
    /// in the currency of the funding, whatever that comes to be.
    ///
    /// Of a funding that Lastcall has settled the database takes no pledge that is new or says otherwise than the one that
    /// is there, and refuses all of them for it ([`StoreError::refuses_rows`]): what counted was told, and stays.
    pub async fn upsert_pledges(&self, pledges: &[Pledge]) -> Result<(), StoreError> {
        upsert(self, pledges).await.attempting("writing pledges")
    }
}

impl Row for Pledge {
    type Key = (String, String);
    type Active = ActiveModel;

    fn key(&self) -> Self::Key {
        (self.funding_id.clone(), self.user_id.as_str().to_owned())
    }

    fn inherit(&mut self, _: &Self) {}

    fn default_column(&self) -> DefaultColumn {
        DefaultColumn::Given
    }

    fn active(&self) -> ActiveModel {
        ActiveModel {
            funding_id: Set(self.funding_id.clone()),
            user_id: Set(self.user_id.as_str().to_owned()),
            amount_minor: Set(self.amount.minor_units),
        }
    }

    fn on_conflict(_: DefaultColumn) -> OnConflict {
        OnConflict::columns([Column::FundingId, Column::UserId])
            .update_column(Column::AmountMinor)
            .to_owned()
    }
}
