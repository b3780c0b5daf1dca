use domain::catalogue::Follow;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;

use super::upsert::{DefaultColumn, Row, upsert};
use crate::entity::follow::{ActiveModel, Column};
use crate::error::Attempting;
use crate::{Store, StoreError};

impl Store {
    /// Adds follows, all or none. One that is there already stays.
    pub async fn upsert_follows(&self, follows: &[Follow]) -> Result<(), StoreError> {
        upsert(self, follows).await.attempting("writing follows")
    }
}

impl Row for Follow {
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
        }
    }

    fn on_conflict(_: DefaultColumn) -> OnConflict {
        OnConflict::columns([Column::FundingId, Column::UserId])
            .do_nothing()
            .to_owned()
    }
}
