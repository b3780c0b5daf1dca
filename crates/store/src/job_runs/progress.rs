use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, UpdateMany};
use serde_json::Value;

use super::{Attempt, Counts, State};
use crate::entity::{job_attempt, job_run};
use crate::error::Attempting;
use crate::instant::stored;
use crate::{Store, StoreError};

impl Store {
    /// Stores how far a run has come. `counts` are those of the whole run, earlier attempts included.
    ///
    /// # Errors
    ///
    /// [`StoreError::AttemptOver`] where another attempt has begun since: nothing is stored, and this one must stop.
    pub async fn save_checkpoint(
        &self,
        attempt: &Attempt,
        checkpoint: &Value,
        counts: Counts,
    ) -> Result<(), StoreError> {
        let attempted = "storing the checkpoint of a job run";
        let transaction = self.begin_write().await.attempting(attempted)?;
        let running = job_attempt::Entity::update_many();
        write_attempt(&transaction, attempt, running, counts, attempted).await?;
        let update = job_run::Entity::update_many()
            .col_expr(job_run::Column::Checkpoint, Expr::value(checkpoint.to_string()));
        write_run(&transaction, attempt, update, counts)
            .await
            .attempting(attempted)?;
        transaction.commit().await.attempting(attempted)
    }

    /// Records how a run ended, by its error where it failed. `counts` are those of the whole run.
    ///
    /// # Errors
    ///
    /// [`StoreError::AttemptOver`] where another attempt has begun since, or this one has ended: nothing is stored.
    pub async fn finish_run(
        &self,
        attempt: &Attempt,
        outcome: Result<(), String>,
        counts: Counts,
    ) -> Result<(), StoreError> {
        let attempted = "recording the end of a job run";
        let (state, error) = match outcome {
            Ok(()) => (State::Succeeded, None),
            Err(error) => (State::Failed, Some(error)),
        };
        let now = stored(Utc::now());
        let transaction = self.begin_write().await.attempting(attempted)?;
        let ended = attempt_ended(state, error.clone(), now);
        write_attempt(&transaction, attempt, ended, counts, attempted).await?;
        let finished = job_run::Entity::update_many()
            .col_expr(job_run::Column::State, Expr::value(state.as_str()))
            .col_expr(job_run::Column::FinishedAt, Expr::value(now))
            .col_expr(job_run::Column::Error, Expr::value(error));
        write_run(&transaction, attempt, finished, counts)
            .await
            .attempting(attempted)?;
        transaction.commit().await.attempting(attempted)
    }

    /// Records that something which may pass stopped an attempt. The attempt has failed, the run has not: it stays among
    /// the [unfinished](Store::unfinished_runs), or a process that ends before it tries again would take it along.
    ///
    /// # Errors
    ///
    /// As [`Store::finish_run`].
    pub async fn interrupt_run(
        &self,
        attempt: &Attempt,
        error: String,
        counts: Counts,
    ) -> Result<(), StoreError> {
        let attempted = "recording that a job run was interrupted";
        let transaction = self.begin_write().await.attempting(attempted)?;
        let ended = attempt_ended(State::Failed, Some(error.clone()), stored(Utc::now()));
        write_attempt(&transaction, attempt, ended, counts, attempted).await?;
        let interrupted =
            job_run::Entity::update_many().col_expr(job_run::Column::Error, Expr::value(Some(error)));
        write_run(&transaction, attempt, interrupted, counts)
            .await
            .attempting(attempted)?;
        transaction.commit().await.attempting(attempted)
    }
}

fn attempt_ended(state: State, error: Option<String>, at: DateTime<Utc>) -> UpdateMany<job_attempt::Entity> {
    job_attempt::Entity::update_many()
        .col_expr(job_attempt::Column::State, Expr::value(state.as_str()))
        .col_expr(job_attempt::Column::EndedAt, Expr::value(at))
        .col_expr(job_attempt::Column::Error, Expr::value(error))
}

/// Only while it is running: what an attempt that was taken over from still says would put the run back.
async fn write_attempt(
    transaction: &DatabaseTransaction,
    attempt: &Attempt,
    update: UpdateMany<job_attempt::Entity>,
    counts: Counts,
    attempted: &'static str,
) -> Result<(), StoreError> {
    let [read, emitted, already_emitted, skipped] = counts.since(attempt.before).columns();
    let written = update
        .col_expr(job_attempt::Column::ReadCount, Expr::value(read))
        .col_expr(job_attempt::Column::Emitted, Expr::value(emitted))
        .col_expr(job_attempt::Column::AlreadyEmitted, Expr::value(already_emitted))
        .col_expr(job_attempt::Column::Skipped, Expr::value(skipped))
        .filter(job_attempt::Column::Id.eq(attempt.id))
        .filter(job_attempt::Column::State.eq(State::Running.as_str()))
        .exec(transaction)
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

async fn write_run(
    transaction: &DatabaseTransaction,
    attempt: &Attempt,
    update: UpdateMany<job_run::Entity>,
    counts: Counts,
) -> Result<(), DbErr> {
    let update = set_run_counts(update, counts);
    update
        .filter(job_run::Column::Id.eq(attempt.run_id))
        .exec(transaction)
        .await?;
    Ok(())
}

pub(super) fn set_run_counts(
    update: UpdateMany<job_run::Entity>,
    counts: Counts,
) -> UpdateMany<job_run::Entity> {
    let [read, emitted, already_emitted, skipped] = counts.columns();
    update
        .col_expr(job_run::Column::ReadCount, Expr::value(read))
        .col_expr(job_run::Column::Emitted, Expr::value(emitted))
        .col_expr(job_run::Column::AlreadyEmitted, Expr::value(already_emitted))
        .col_expr(job_run::Column::Skipped, Expr::value(skipped))
}
