use chrono::{DateTime, Utc};
use domain::catalogue::{Coupon, CouponStatus};
use domain::money::Currency;
use domain::settlement::Reward;
use proto_schemas::UserId;
use sea_orm::sea_query::{Expr, InsertStatement, OnConflict, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use crate::entity::{coupon, funding, pledge};
use crate::instant::stored;

/// How many backers are rewarded by one statement: with two values for each, below the 32,766 that SQLite binds.
const BACKERS_A_PAGE: u64 = 5000;

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
        let coupons: Vec<Coupon> = backers
            .into_iter()
            .filter_map(|backer| UserId::new(backer).ok())
            .map(|backer| reward.coupon(&funding.id, currency, funding.closes_at, backer))
            .collect();
        if let Some(one) = coupons.first() {
            transaction.execute(&gifts(one, &coupons, at)?).await?;
        }
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

/// What all coupons of a funding have in common with `one` of them is bound once: a quarter of the values, and of the
/// time.
fn gifts(one: &Coupon, coupons: &[Coupon], at: DateTime<Utc>) -> Result<InsertStatement, DbErr> {
    let own = coupons
        .iter()
        .map(|coupon| (coupon.id.as_str(), coupon.user_id.as_str()));
    let rows = Query::select()
        .columns(["column1", "column2"])
        .expr(Expr::val(one.funding_id.as_deref()))
        .expr(Expr::val(stored(one.expires_at)))
        .expr(Expr::val(CouponStatus::Active.as_str()))
        .expr(Expr::val(at))
        .expr(Expr::val(one.amount.map(|amount| amount.minor_units)))
        .expr(Expr::val(one.amount.map(|amount| amount.currency.code())))
        .from_values(own, "own")
        // SQLite would take what follows for the condition of a join.
        .and_where(Expr::cust("TRUE"))
        .take();
    let columns = [
        coupon::Column::Id,
        coupon::Column::UserId,
        coupon::Column::FundingId,
        coupon::Column::ExpiresAt,
        coupon::Column::Status,
        coupon::Column::IssuedAt,
        coupon::Column::AmountMinor,
        coupon::Column::Currency,
    ];
    // Its id says what it is for: one that is there already was given by an earlier settlement.
    let absent = OnConflict::column(coupon::Column::Id).do_nothing().to_owned();
    let mut insert = Query::insert();
    insert
        .into_table(coupon::Entity)
        .columns(columns)
        .on_conflict(absent)
        .select_from(rows)
        .map_err(|error| DbErr::Custom(error.to_string()))?;
    Ok(insert)
}
