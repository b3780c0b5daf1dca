//! How many rows a run is about, for people who wait for it. Each is one count over an index.

use domain::catalogue::{CouponStatus, FundingStatus};
use domain::due::DueWindow;
use sea_orm::{ColumnTrait, EntityTrait, JoinType, PaginatorTrait, QueryFilter, QuerySelect, RelationDef};

use crate::entity::{coupon, follow, funding};
use crate::error::Attempting;
use crate::instant::stored;
use crate::{Store, StoreError};

impl Store {
    /// How many coupons [`Store::coupons_expiring`] gives for a window.
    pub async fn count_coupons_expiring(&self, window: &DueWindow) -> Result<u64, StoreError> {
        coupon::Entity::find()
            .filter(coupon::Column::Status.eq(CouponStatus::Active.as_str()))
            .filter(coupon::Column::ExpiresAt.gt(stored(window.after)))
            .filter(coupon::Column::ExpiresAt.lte(stored(window.until)))
            .count(self.connection())
            .await
            .attempting("counting expiring coupons")
    }

    /// How many follows [`Store::follows_closing`] gives for a window.
    pub async fn count_follows_closing(&self, window: &DueWindow) -> Result<u64, StoreError> {
        let followers: RelationDef = funding::Entity::belongs_to(follow::Entity)
            .from(funding::Column::Id)
            .to(follow::Column::FundingId)
            .into();
        funding::Entity::find()
            .join(JoinType::InnerJoin, followers)
            .filter(funding::Column::Status.eq(FundingStatus::Open.as_str()))
            .filter(funding::Column::ClosesAt.gt(stored(window.after)))
            .filter(funding::Column::ClosesAt.lte(stored(window.until)))
            .count(self.connection())
            .await
            .attempting("counting follows of closing fundings")
    }
}
