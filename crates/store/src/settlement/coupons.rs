use chrono::{DateTime, Utc};
use domain::catalogue::CouponStatus;
use domain::money::Currency;
use domain::settlement::Reward;
use proto_schemas::UserId;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, Insert,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use crate::entity::{coupon, funding, pledge};
use crate::instant::stored;

/// How many backers are rewarded by one statement: with eight values for each, below the 32,766 that SQLite binds.
const BACKERS_A_PAGE: u64 = 2000;

/// Gives every backer the coupon that is theirs, unless they have it.
pub(super) async fn give_coupons(
    transaction: &DatabaseTransaction,
    funding: &funding::Model,
    currency: Currency,
    reward: &Reward,
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    let mut last: Option<String> = None;
    loop {
        let backers = backers(transaction, &funding.id, last.as_deref()).await?;
        let Some(newest) = backers.last() else {
            return Ok(());
        };
        last = Some(newest.clone());
        let coupons: Vec<coupon::ActiveModel> = backers
            .into_iter()
            .filter_map(|backer| gift(funding, currency, backer, reward, at))
            .collect();
        if coupons.is_empty() {
            continue;
        }
        // Its id says what it is for: one that is there already was given by an earlier settlement.
        let absent = OnConflict::column(coupon::Column::Id).do_nothing().to_owned();
        let insert = Insert::many(coupons).on_conflict(absent).into_query();
        transaction.execute(&insert).await?;
    }
}

async fn backers(
    transaction: &DatabaseTransaction,
    funding_id: &str,
    last: Option<&str>,
) -> Result<Vec<String>, DbErr> {
    let mut page = pledge::Entity::find()
        .select_only()
        .column(pledge::Column::UserId)
        .filter(pledge::Column::FundingId.eq(funding_id))
        .order_by_asc(pledge::Column::UserId)
        .limit(BACKERS_A_PAGE);
    if let Some(last) = last {
        page = page.filter(pledge::Column::UserId.gt(last));
    }
    page.into_tuple().all(transaction).await
}

fn gift(
    funding: &funding::Model,
    currency: Currency,
    backer: String,
    reward: &Reward,
    at: DateTime<Utc>,
) -> Option<coupon::ActiveModel> {
    let backer = UserId::new(backer).ok()?;
    let coupon = reward.coupon(&funding.id, currency, funding.closes_at, backer);
    Some(coupon::ActiveModel {
        id: Set(coupon.id),
        user_id: Set(coupon.user_id.as_str().to_owned()),
        funding_id: Set(coupon.funding_id),
        expires_at: Set(stored(coupon.expires_at)),
        status: Set(CouponStatus::Active.as_str().to_owned()),
        issued_at: Set(Some(at)),
        amount_minor: Set(coupon.amount.map(|amount| amount.minor_units)),
        currency: Set(coupon.amount.map(|amount| amount.currency.code().to_owned())),
    })
}
