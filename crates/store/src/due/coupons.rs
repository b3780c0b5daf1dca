use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::catalogue::CouponStatus;
use domain::due::DueWindow;
use domain::notice::{ExpiringCoupon, Habits, PersonRow};
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, SelectGetableTuple, Selector,
};
use serde::{Deserialize, Serialize};

use super::after;
use super::lookups::Lookups;
use crate::entity::coupon;
use crate::error::Attempting;
use crate::instant::stored;
use crate::money::amount_row;
use crate::{Store, StoreError};

/// Where a page of expiring coupons ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponKey {
    /// When the last one expires.
    pub expires_at: DateTime<Utc>,
    /// Its id.
    pub id: String,
}

impl From<&ExpiringCoupon> for CouponKey {
    fn from(row: &ExpiringCoupon) -> Self {
        Self {
            expires_at: row.expires_at,
            id: row.coupon_id.clone(),
        }
    }
}

/// A coupon, without what its holder's and its funding's rows say.
type Row = (
    String,
    String,
    Option<String>,
    DateTime<Utc>,
    Option<i64>,
    Option<String>,
);

impl Store {
    /// At most `limit` active coupons that expire within the window, the next to expire first.
    ///
    /// People and fundings are found in `lookups`, or else looked up and left there for the next page.
    pub async fn coupons_expiring(
        &self,
        window: &DueWindow,
        last: Option<&CouponKey>,
        limit: u64,
        lookups: &Lookups,
    ) -> Result<Vec<ExpiringCoupon>, StoreError> {
        self.expiring(page(window, last, limit), lookups)
            .await
            .attempting("reading expiring coupons")
    }

    async fn expiring(&self, page: Page, lookups: &Lookups) -> Result<Vec<ExpiringCoupon>, DbErr> {
        let snapshot = self.begin_paging().await?;
        let rows = page.all(&snapshot).await?;
        let holders = rows.iter().map(|row| Some(row.1.as_str()));
        let habits = lookups.users.of(&snapshot, holders).await?;
        let fundings = rows.iter().map(|row| row.2.as_deref());
        let titles = lookups.funding_titles.of(&snapshot, fundings).await?;
        snapshot.commit().await?;
        let found = habits.into_iter().zip(titles);
        let expiring = rows.into_iter().zip(found);
        Ok(expiring
            .map(|(row, (habits, title))| expiring_coupon(row, habits.unwrap_or_default(), title))
            .collect())
    }
}

type Page = Selector<SelectGetableTuple<Row>>;

fn page(window: &DueWindow, last: Option<&CouponKey>, limit: u64) -> Page {
    let lower_bound = match last {
        None => coupon::Column::ExpiresAt.gt(stored(window.after)),
        Some(key) => after(
            [coupon::Column::ExpiresAt, coupon::Column::Id],
            [stored(key.expires_at).into(), key.id.as_str().into()],
        ),
    };
    coupon::Entity::find()
        .select_only()
        .columns([
            coupon::Column::Id,
            coupon::Column::UserId,
            coupon::Column::FundingId,
            coupon::Column::ExpiresAt,
            coupon::Column::AmountMinor,
            coupon::Column::Currency,
        ])
        .filter(coupon::Column::Status.eq(CouponStatus::Active.as_str()))
        .filter(lower_bound)
        .filter(coupon::Column::ExpiresAt.lte(stored(window.until)))
        .order_by_asc(coupon::Column::ExpiresAt)
        .order_by_asc(coupon::Column::Id)
        .limit(limit)
        .into_tuple()
}

fn expiring_coupon(
    (coupon_id, user_id, funding_id, expires_at, amount, currency): Row,
    habits: Arc<Habits>,
    funding_title: Option<Arc<str>>,
) -> ExpiringCoupon {
    ExpiringCoupon {
        coupon_id,
        holder: PersonRow { user_id, habits },
        funding_id,
        funding_title,
        expires_at,
        amount: amount_row(amount, currency),
    }
}
