//! What becomes of a funding at its deadline, decided once and then told.
//!
//! [`Store::settle`] decides in one transaction and stores what it decided upon; [`Store::outcome_readers`] later reads
//! from that whom it concerns. A crash between the two is healed by the next run: a funding that is settled but not
//! [announced](Store::mark_announced) is still among the [`Store::fundings_to_announce`], and says the same as before.
//!
//! What counts are the pledges that are there when the funding's row is locked. Whoever writes pledges holds that row
//! too, as a reader: those who came first are waited for and counted, and those who come later find the funding settled
//! and are refused by the database (the migration `pledge_guard` has the rule). What is in the table afterwards is
//! therefore what was counted, to the last pledge.
//!
//! One funding that makes no sense does not stop the others: it is a [`FundingError::Bad`], stays as it is and is tried
//! again by every later run.

mod announce;
mod coupons;
mod decision;
mod failure;
mod people;
mod preview;
mod readers;

use chrono::{DateTime, Utc};
use domain::catalogue::FundingStatus;
use domain::settlement::{Outcome, Reward};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

pub use failure::FundingError;
pub use preview::Preview;

use crate::due::after;
use crate::entity::funding;
use crate::error::Attempting;
use crate::instant::stored;
use crate::transaction::page_by_index;
use crate::{Store, StoreError};
use coupons::give_coupons;
use decision::Decision;

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
    /// there is nothing to do. A backer whose id is none gets no coupon; they are named when the outcome is told.
    pub async fn settle(
        &self,
        funding_id: &str,
        at: DateTime<Utc>,
        reward: &Reward,
    ) -> Result<Option<Outcome>, FundingError> {
        let settled = self.settle_as_one(funding_id, stored(at), reward).await;
        settled.map_err(|error| error.blaming(funding_id))
    }

    async fn settle_as_one(
        &self,
        funding_id: &str,
        at: DateTime<Utc>,
        reward: &Reward,
    ) -> Result<Option<Outcome>, FundingError> {
        let transaction = self
            .begin_write()
            .await
            .attempting("beginning to settle a funding")?;
        let Some(funding) = locked(&transaction, funding_id, at).await? else {
            return Ok(None);
        };
        let decision = Decision::upon(&transaction, &funding).await?;
        record(&transaction, funding_id, &decision, at).await?;
        if decision.outcome == Outcome::Succeeded {
            page_by_index(&transaction)
                .await
                .attempting("preparing to give coupons")?;
            give_coupons(&transaction, &funding, decision.currency, reward, at)
                .await
                .attempting("giving coupons to backers")?;
        }
        transaction.commit().await.attempting("settling a funding")?;
        Ok(Some(decision.outcome))
    }
}

/// The funding if it is to be settled, with its row locked. SQLite has no such lock and needs none: a transaction of
/// ours that writes is alone from its beginning.
async fn locked(
    transaction: &DatabaseTransaction,
    funding_id: &str,
    at: DateTime<Utc>,
) -> Result<Option<funding::Model>, StoreError> {
    let funding = funding::Entity::find_by_id(funding_id)
        .lock_exclusive()
        .one(transaction)
        .await
        .attempting("reading a funding to settle")?;
    Ok(funding.filter(|funding| is_due(funding, at)))
}

fn is_due(funding: &funding::Model, at: DateTime<Utc>) -> bool {
    funding.status == FundingStatus::Open.as_str() && funding.closes_at <= at
}

async fn record(
    transaction: &DatabaseTransaction,
    funding_id: &str,
    decision: &Decision,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let status = decision.outcome.status().as_str();
    funding::Entity::update_many()
        .col_expr(funding::Column::Status, Expr::value(status))
        .col_expr(
            funding::Column::CollectedMinor,
            Expr::value(decision.collected_minor),
        )
        .col_expr(funding::Column::SettledAt, Expr::value(at))
        .filter(funding::Column::Id.eq(funding_id))
        .exec(transaction)
        .await
        .attempting("recording the outcome of a funding")?;
    Ok(())
}
