use domain::catalogue::Coupon;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::OnConflict;

use super::upsert::{DefaultColumn, Row, new_or_stored, upsert};
use crate::entity::coupon::{ActiveModel, Column};
use crate::error::Attempting;
use crate::instant::stored;
use crate::{Store, StoreError};

impl Store {
    /// Adds coupons or brings them up to date, all or none. What a row does not say stays as it is.
    pub async fn upsert_coupons(&self, coupons: &[Coupon]) -> Result<(), StoreError> {
        upsert(self, coupons).await.attempting("writing coupons")
    }
}

impl Row for Coupon {
    type Key = String;
    type Active = ActiveModel;

    fn key(&self) -> Self::Key {
        self.id.clone()
    }

    fn inherit(&mut self, earlier: &Self) {
        self.funding_id = self.funding_id.take().or_else(|| earlier.funding_id.clone());
        self.status = self.status.or(earlier.status);
        self.amount = self.amount.or(earlier.amount);
    }

    fn default_column(&self) -> DefaultColumn {
        DefaultColumn::of(self.status.as_ref())
    }

    fn active(&self) -> ActiveModel {
        ActiveModel {
            id: Set(self.id.clone()),
            user_id: Set(self.user_id.as_str().to_owned()),
            funding_id: Set(self.funding_id.clone()),
            expires_at: Set(stored(self.expires_at)),
            status: self
                .status
                .map_or(NotSet, |status| Set(status.as_str().to_owned())),
            issued_at: NotSet,
            amount_minor: Set(self.amount.map(|amount| amount.minor_units)),
            currency: Set(self.amount.map(|amount| amount.currency.code().to_owned())),
        }
    }

    fn on_conflict(default: DefaultColumn) -> OnConflict {
        let mut update = OnConflict::column(Column::Id);
        update
            .update_columns([Column::UserId, Column::ExpiresAt])
            .value(Column::FundingId, new_or_stored("coupons", "funding_id"))
            // A row has both or neither.
            .value(Column::AmountMinor, new_or_stored("coupons", "amount_minor"))
            .value(Column::Currency, new_or_stored("coupons", "currency"));
        if default == DefaultColumn::Given {
            update.update_column(Column::Status);
        }
        update
    }
}
