//! What becomes of a funding at its deadline, decided once and then told.
//!
//! [`Store::settle`] decides in one transaction and stores what it decided upon; [`Store::outcome_readers`] later reads
//! from that whom it concerns. A crash between the two is healed by the next run: a funding that is settled but not
//! [announced](Store::mark_announced) is still among [`Store::unannounced_fundings`], and says the same as before.

mod announce;
mod readers;

use chrono::{DateTime, Utc};
use domain::catalogue::FundingStatus;
use domain::settlement::{Outcome, Reward};
use proto_schemas::UserId;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, Insert, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait,
};
use serde::{Deserialize, Serialize};

pub use announce::SettledFunding;

use crate::due::after;
use crate::entity::{coupon, funding, pledge};
use crate::error::Attempting;
use crate::instant::stored;
use crate::money::{currency, money};
use crate::{Store, StoreError};

/// How many backers are rewarded by one statement.
const BACKERS_A_PAGE: u64 = 1000;

/// A funding whose deadline has passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundingKey {
    /// Its deadline.
    pub closes_at: DateTime<Utc>,
    /// Its id.
    pub id: String,
}

impl Store {
    /// At most `limit` open fundings with a deadline up to and including `until`, the earliest first.
    pub async fn fundings_due_for_settlement(
        &self,
        until: DateTime<Utc>,
        last: Option<&FundingKey>,
        limit: u64,
    ) -> Result<Vec<FundingKey>, StoreError> {
        let mut page = funding::Entity::find()
            .select_only()
            .columns([funding::Column::ClosesAt])
            .column(funding::Column::Id)
            .filter(funding::Column::Status.eq(FundingStatus::Open.as_str()))
            .filter(funding::Column::ClosesAt.lte(stored(until)))
            .order_by_asc(funding::Column::ClosesAt)
            .order_by_asc(funding::Column::Id)
            .limit(limit);
        if let Some(key) = last {
            let columns = [funding::Column::ClosesAt, funding::Column::Id];
            page = page.filter(after(
                columns,
                [stored(key.closes_at).into(), key.id.as_str().into()],
            ));
        }
        let rows: Vec<(DateTime<Utc>, String)> = page
            .into_tuple()
            .all(self.connection())
            .await
            .attempting("reading fundings past their deadline")?;
        Ok(rows
            .into_iter()
            .map(|(closes_at, id)| FundingKey { closes_at, id })
            .collect())
    }

    /// Settles a funding as of `at`: compares what was raised with the goal, records the outcome with what it was
    /// decided upon, and gives every backer of a funding that succeeded a coupon. All of it or nothing.
    ///
    /// Nothing where it is not open any more, not known, or its deadline is after `at`: somebody else has done it, or
    /// there is nothing to do.
    pub async fn settle(
        &self,
        funding_id: &str,
        at: DateTime<Utc>,
        reward: &Reward,
    ) -> Result<Option<Outcome>, StoreError> {
        let at = stored(at);
        let transaction = self
            .begin_write()
            .await
            .attempting("beginning to settle a funding")?;
        let Some(funding) = locked(&transaction, funding_id, at).await? else {
            return Ok(None);
        };
        let collected = match funding.raised_minor {
            Some(raised) => raised,
            None => pledged(&transaction, funding_id).await?,
        };
        let currency = currency(funding_id, &funding.currency)?;
        let outcome = Outcome::decide(money(currency, funding.goal_minor), money(currency, collected));
        record(&transaction, funding_id, outcome, collected, at).await?;
        if outcome == Outcome::Succeeded {
            give_coupons(&transaction, &funding, reward, at).await?;
        }
        transaction.commit().await.attempting("settling a funding")?;
        Ok(Some(outcome))
    }
}

/// The funding if it is to be settled, with its row locked. SQLite has no such lock and needs none: a transaction of
/// ours that writes is alone from its beginning.
async fn locked(
    transaction: &DatabaseTransaction,
    funding_id: &str,
    at: DateTime<Utc>,
) -> Result<Option<funding::Model>, StoreError> {
    funding::Entity::find_by_id(funding_id)
        .filter(funding::Column::Status.eq(FundingStatus::Open.as_str()))
        .filter(funding::Column::ClosesAt.lte(at))
        .lock_exclusive()
        .one(transaction)
        .await
        .attempting("reading a funding to settle")
}

async fn pledged(transaction: &DatabaseTransaction, funding_id: &str) -> Result<i64, StoreError> {
    // PostgreSQL sums bigints into a numeric.
    let sum = Expr::col(pledge::Column::AmountMinor).sum().cast_as("BIGINT");
    let sum: Option<Option<i64>> = pledge::Entity::find()
        .select_only()
        .expr(sum)
        .filter(pledge::Column::FundingId.eq(funding_id))
        .into_tuple()
        .one(transaction)
        .await
        .attempting("adding up the pledges of a funding")?;
    Ok(sum.flatten().unwrap_or(0))
}

async fn record(
    transaction: &DatabaseTransaction,
    funding_id: &str,
    outcome: Outcome,
    collected: i64,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    funding::Entity::update_many()
        .col_expr(funding::Column::Status, Expr::value(outcome.status().as_str()))
        .col_expr(funding::Column::CollectedMinor, Expr::value(collected))
        .col_expr(funding::Column::SettledAt, Expr::value(at))
        .filter(funding::Column::Id.eq(funding_id))
        .exec(transaction)
        .await
        .attempting("recording the outcome of a funding")?;
    Ok(())
}

async fn give_coupons(
    transaction: &DatabaseTransaction,
    funding: &funding::Model,
    reward: &Reward,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut last = String::new();
    loop {
        let backers: Vec<String> = pledge::Entity::find()
            .select_only()
            .column(pledge::Column::UserId)
            .filter(pledge::Column::FundingId.eq(funding.id.as_str()))
            .filter(pledge::Column::UserId.gt(last.as_str()))
            .order_by_asc(pledge::Column::UserId)
            .limit(BACKERS_A_PAGE)
            .into_tuple()
            .all(transaction)
            .await
            .attempting("reading the backers of a funding")?;
        let Some(newest) = backers.last() else {
            return Ok(());
        };
        last.clone_from(newest);
        let coupons: Vec<coupon::ActiveModel> = backers
            .into_iter()
            .filter_map(|backer| gift(funding, backer, reward, at))
            .collect();
        if coupons.is_empty() {
            continue;
        }
        // Its id says what it is for: one that is there already was given by an earlier settlement.
        let absent = OnConflict::column(coupon::Column::Id).do_nothing().to_owned();
        let insert = Insert::many(coupons).on_conflict(absent).into_query();
        transaction
            .execute(&insert)
            .await
            .attempting("giving coupons to backers")?;
    }
}

fn gift(
    funding: &funding::Model,
    backer: String,
    reward: &Reward,
    at: DateTime<Utc>,
) -> Option<coupon::ActiveModel> {
    let backer = UserId::new(backer)
        .inspect_err(|error| tracing::warn!(funding = funding.id, %error, "a backer without a usable id gets no coupon"))
        .ok()?;
    let coupon = reward.coupon(&funding.id, funding.closes_at, backer);
    Some(coupon::ActiveModel {
        id: Set(coupon.id),
        user_id: Set(coupon.user_id.as_str().to_owned()),
        funding_id: Set(coupon.funding_id),
        expires_at: Set(stored(coupon.expires_at)),
        status: Set(domain::catalogue::CouponStatus::Active.as_str().to_owned()),
        issued_at: Set(Some(at)),
    })
}
