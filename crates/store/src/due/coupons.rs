use chrono::{DateTime, Utc};
use domain::catalogue::CouponStatus;
use domain::due::DueWindow;
use domain::notice::ExpiringCoupon;
use sea_orm::{
    ColumnTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationDef, Select,
};
use serde::{Deserialize, Serialize};

use super::{after, person, with_users};
use crate::entity::{coupon, funding, user};
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

type Row = (
    String,
    String,
    Option<String>,
    DateTime<Utc>,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

impl Store {
    /// At most `limit` active coupons that expire within the window, the next to expire first.
    pub async fn coupons_expiring(
        &self,
        window: &DueWindow,
        last: Option<&CouponKey>,
        limit: u64,
    ) -> Result<Vec<ExpiringCoupon>, StoreError> {
        let lower_bound = match last {
            None => coupon::Column::ExpiresAt.gt(stored(window.after)),
            Some(key) => after(
                [coupon::Column::ExpiresAt, coupon::Column::Id],
                [stored(key.expires_at).into(), key.id.as_str().into()],
            ),
        };
        let page = active_coupons()
            .filter(lower_bound)
            .filter(coupon::Column::ExpiresAt.lte(stored(window.until)))
            .order_by_asc(coupon::Column::ExpiresAt)
            .order_by_asc(coupon::Column::Id)
            .limit(limit);
        let rows: Vec<Row> = page
            .into_tuple()
            .all(self.connection())
            .await
            .attempting("reading expiring coupons")?;
        Ok(rows.into_iter().map(expiring).collect())
    }
}

fn active_coupons() -> Select<coupon::Entity> {
    let fundings: RelationDef = coupon::Entity::belongs_to(funding::Entity)
        .from(coupon::Column::FundingId)
        .to(funding::Column::Id)
        .into();
    with_users(coupon::Entity::find(), coupon::Column::UserId)
        .join(JoinType::LeftJoin, fundings)
        .select_only()
        .columns([
            coupon::Column::Id,
            coupon::Column::UserId,
            coupon::Column::FundingId,
        ])
        .column(coupon::Column::ExpiresAt)
        .columns([coupon::Column::AmountMinor, coupon::Column::Currency])
        .column(funding::Column::Title)
        .columns([user::Column::Locale, user::Column::TimeZone])
        .filter(coupon::Column::Status.eq(CouponStatus::Active.as_str()))
}

fn expiring(
    (coupon_id, holder, funding_id, expires_at, amount, currency, funding_title, locale, time_zone): Row,
) -> ExpiringCoupon {
    let holder = person(holder, (locale, time_zone));
    ExpiringCoupon {
        coupon_id,
        holder,
        funding_id,
        funding_title,
        expires_at,
        amount: amount_row(amount, currency),
    }
}
