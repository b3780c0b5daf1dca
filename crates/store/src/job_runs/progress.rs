use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, Func};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, UpdateMany};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::attempt::after;
use super::bounded::bounded;
use super::{Attempt, Counts, FailedRow, Lease, State, clock, failed_rows};
use crate::entity::{job_attempt, job_run};
use crate::error::Attempting;
use crate::{Store, StoreError};

/// A page whose events are all in the log, with others to follow.
#[derive(Debug, Clone, PartialEq)]
pub struct PageDone {
    /// From where the next page begins; the job alone reads it.
    pub checkpoint: Value,
    /// What the whole run has done, earlier attempts included.
    pub counts: Counts,
    /// The rows of the page that no event could be made of.
    pub failed_rows: Vec<FailedRow>,
    /// How the run stood before the page.
    pub began: PageBegan,
}

/// The page with which a run ends.
#[derive(Debug, Clone, PartialEq)]
pub struct PageEnd {
    /// What the whole run has done, earlier attempts included.
    pub counts: Counts,
    /// The rows of the page that no event could be made of.
    pub failed_rows: Vec<FailedRow>,
    /// How the run stood before the page.
    pub began: PageBegan,
}

/// How a run stood before a page.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PageBegan {
    /// From where the page began; nothing for the first one.
    pub checkpoint: Option<Value>,
    /// What the run had done.
    pub counts: Counts,
}

/// The most of an error that is kept, in characters.
const ERROR_CHARACTERS: usize = 4000;

impl Store {
    /// Keeps the run for the length of the lease from now, also where it has lapsed and nobody has taken the run.
    ///
    /// # Errors
    ///
    /// [`StoreError::AttemptOver`] where another attempt has begun or this one has ended: it must stop.
    pub async fn renew_lease(&self, attempt: &Attempt, lease: &Lease) -> Result<(), StoreError> {
        let attempted = "renewing the lease of a job run";
        let now = clock::now(self.connection()).await.attempting(attempted)?;
        let renewed = job_run::Entity::update_many()
            .col_expr(job_run::Column::LeasedUntil, Expr::value(lease.until(now)));
        write_run(self.connection(), attempt, renewed, attempted).await
    }

    /// Stores how many rows the run is expected to read.
    ///
    /// # Errors
    ///
    /// As [`Store::renew_lease`].
    pub async fn set_total(&self, attempt: &Attempt, total: u64) -> Result<(), StoreError> {
        let total = i64::try_from(total).unwrap_or(i64::MAX);
        let estimated =
            job_run::Entity::update_many().col_expr(job_run::Column::Total, Expr::value(Some(total)));
        let attempted = "storing the size of a job run";
        write_run(self.connection(), attempt, estimated, attempted).await
    }

    /// Stores how far a run has come.
    ///
    /// # Errors
    ///
    /// As [`Store::renew_lease`]; nothing is stored then.
    pub async fn save_checkpoint(&self, attempt: &Attempt, page: &PageDone) -> Result<(), StoreError> {
        let attempted = "storing the checkpoint of a job run";
        let saved = job_run::Entity::update_many().col_expr(
            job_run::Column::Checkpoint,
            Expr::value(page.checkpoint.to_string()),
        );
        let saved = mark_restart(saved, &page.failed_rows, &page.began);
        let transaction = self.begin_write().await.attempting(attempted)?;
        write_run(&transaction, attempt, page.counts.set_of_run(saved), attempted).await?;
        let own = page.counts.since(attempt.before);
        let going_on = own.set_of_attempt(job_attempt::Entity::update_many());
        write_attempt(&transaction, attempt, going_on, attempted).await?;
        failed_rows::insert(&transaction, attempt.run_id, &page.failed_rows)
            .await
            .attempting(attempted)?;
        transaction.commit().await.attempting(attempted)
    }

    /// Records how a run ended, by its error where it failed.
    ///
    /// # Errors
    ///
    /// As [`Store::renew_lease`]; nothing is stored then.
    pub async fn finish_run(
        &self,
        attempt: &Attempt,
        outcome: Result<(), String>,
        page: &PageEnd,
    ) -> Result<(), StoreError> {
        let attempted = "recording the end of a job run";
        let (state, error) = match outcome {
            Ok(()) => (State::Succeeded, None),
            Err(error) => (State::Failed, Some(bounded(&error, ERROR_CHARACTERS))),
        };
        let transaction = self.begin_write().await.attempting(attempted)?;
        let now = clock::now(&transaction).await.attempting(attempted)?;
        let finished = job_run::Entity::update_many()
            .col_expr(job_run::Column::State, Expr::value(state.as_str()))
            .col_expr(job_run::Column::FinishedAt, Expr::value(now))
            .col_expr(job_run::Column::Error, Expr::value(error.clone()));
        let finished = mark_restart(leave(finished, None), &page.failed_rows, &page.began);
        write_run(&transaction, attempt, page.counts.set_of_run(finished), attempted).await?;
        let own = page.counts.since(attempt.before);
        let ended = own.set_of_attempt(attempt_ended(state, error, now));
        write_attempt(&transaction, attempt, ended, attempted).await?;
        failed_rows::insert(&transaction, attempt.run_id, &page.failed_rows)
            .await
            .attempting(attempted)?;
        transaction.commit().await.attempting(attempted)
    }

    /// Records that something which may pass stopped an attempt. The attempt has failed, the run has not: it is nobody's,
    /// and the schedulers leave it alone for `back_off`.
    ///
    /// What it has done stays as its last stored page says. Who was cut off from storing a page cannot know whether it is
    /// stored, and would put the counts beside the checkpoint.
    ///
    /// # Errors
    ///
    /// As [`Store::renew_lease`]; nothing is stored then.
    pub async fn interrupt_run(
        &self,
        attempt: &Attempt,
        error: String,
        back_off: Duration,
    ) -> Result<(), StoreError> {
        let attempted = "recording that a job run was interrupted";
        let error = Some(bounded(&error, ERROR_CHARACTERS));
        let transaction = self.begin_write().await.attempting(attempted)?;
        let now = clock::now(&transaction).await.attempting(attempted)?;
        let interrupted =
            job_run::Entity::update_many().col_expr(job_run::Column::Error, Expr::value(error.clone()));
        let interrupted = leave(interrupted, Some(after(now, back_off)));
        write_run(&transaction, attempt, interrupted, attempted).await?;
        let ended = attempt_ended(State::Failed, error, now);
        write_attempt(&transaction, attempt, ended, attempted).await?;
        transaction.commit().await.attempting(attempted)
    }

    /// Gives a run back because the process ends: anybody may go on with it at once. What it has done stays as its last
    /// stored page says, as in [`Store::interrupt_run`].
    ///
    /// # Errors
    ///
    /// As [`Store::renew_lease`]; nothing is stored then.
    pub async fn release_run(&self, attempt: &Attempt) -> Result<(), StoreError> {
        let attempted = "giving a job run back";
        let transaction = self.begin_write().await.attempting(attempted)?;
        let now = clock::now(&transaction).await.attempting(attempted)?;
        let released = leave(job_run::Entity::update_many(), None);
        write_run(&transaction, attempt, released, attempted).await?;
        let ended = attempt_ended(State::Abandoned, None, now);
        write_attempt(&transaction, attempt, ended, attempted).await?;
        transaction.commit().await.attempting(attempted)
    }
}

/// Takes the owner away, for good or until the schedulers may take the run again.
fn leave(
    update: UpdateMany<job_run::Entity>,
    back_off_until: Option<DateTime<Utc>>,
) -> UpdateMany<job_run::Entity> {
    update
        .col_expr(job_run::Column::Owner, Expr::value(None::<String>))
        .col_expr(job_run::Column::LeasedUntil, Expr::value(back_off_until))
}

/// The first page with a failed row is where a run that failed starts again.
fn mark_restart(
    update: UpdateMany<job_run::Entity>,
    failed_rows: &[FailedRow],
    began: &PageBegan,
) -> UpdateMany<job_run::Entity> {
    if failed_rows.is_empty() {
        return update;
    }
    let began = serde_json::json!(began).to_string();
    let first = Func::coalesce([Expr::col(job_run::Column::Restart), Expr::value(began)]);
    update.col_expr(job_run::Column::Restart, Expr::from(first))
}

fn attempt_ended(state: State, error: Option<String>, now: DateTime<Utc>) -> UpdateMany<job_attempt::Entity> {
    job_attempt::Entity::update_many()
        .col_expr(job_attempt::Column::State, Expr::value(state.as_str()))
        .col_expr(job_attempt::Column::EndedAt, Expr::value(now))
        .col_expr(job_attempt::Column::Error, Expr::value(error))
}

/// Writes about a run if the attempt still has it. The condition stands in the statement itself: between a look and a
/// write, somebody else might take the run.
async fn write_run(
    connection: &impl ConnectionTrait,
    attempt: &Attempt,
    update: UpdateMany<job_run::Entity>,
    attempted: &'static str,
) -> Result<(), StoreError> {
    let written = update
        .filter(job_run::Column::Id.eq(attempt.run_id))
        .filter(job_run::Column::Fence.eq(attempt.number.cast_signed()))
        .filter(job_run::Column::State.eq(State::Running.as_str()))
        // An attempt that has ended leaves the run running and its fence where it is.
        .filter(job_run::Column::Owner.is_not_null())
        .exec(connection)
        .await
        .attempting(attempted)?;
    if written.rows_affected == 0 {
        return Err(StoreError::AttemptOver {
            run_id: attempt.run_id,
            number: attempt.number,
        });
    }
    Ok(())
}

async fn write_attempt(
    transaction: &DatabaseTransaction,
    attempt: &Attempt,
    update: UpdateMany<job_attempt::Entity>,
    attempted: &'static str,
) -> Result<(), StoreError> {
    update
        .filter(job_attempt::Column::RunId.eq(attempt.run_id))
        .filter(job_attempt::Column::Number.eq(attempt.number.cast_signed()))
        .exec(transaction)
        .await
        .attempting(attempted)?;
    Ok(())
}
