use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{State, failed_rows};
use crate::entity::{job_attempt, job_run, job_skip};
use crate::error::Attempting;
use crate::instant::stored;
use crate::{Store, StoreError};

/// How many runs one transaction removes.
const RUNS_AT_ONCE: u64 = 500;

const ATTEMPTED: &str = "removing the old history of a job";

impl Store {
    /// Removes the runs of a job that were for an instant before `before` and ended before it, with their attempts and
    /// failed rows, and the skips that were recorded before it, and says how many runs and skips that were.
    ///
    /// What is not finished stays, and so does the latest run that succeeded: the window of the next one begins there.
    pub async fn prune_history(&self, job: &str, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let before = stored(before);
        let mut removed = job_skip::Entity::delete_many()
            .filter(job_skip::Column::Job.eq(job))
            .filter(job_skip::Column::RecordedAt.lt(before))
            .exec(self.connection())
            .await
            .attempting(ATTEMPTED)?
            .rows_affected;
        loop {
            let transaction = self.begin_write().await.attempting(ATTEMPTED)?;
            let runs = remove_runs(&transaction, job, before)
                .await
                .attempting(ATTEMPTED)?;
            transaction.commit().await.attempting(ATTEMPTED)?;
            removed += runs;
            if runs < RUNS_AT_ONCE {
                return Ok(removed);
            }
        }
    }
}

async fn remove_runs(
    transaction: &DatabaseTransaction,
    job: &str,
    before: DateTime<Utc>,
) -> Result<u64, DbErr> {
    let last_success: Option<Uuid> = job_run::Entity::find()
        .select_only()
        .column(job_run::Column::Id)
        .filter(job_run::Column::Job.eq(job))
        .filter(job_run::Column::State.eq(State::Succeeded.as_str()))
        .order_by_desc(job_run::Column::ScheduledAt)
        .into_tuple()
        .one(transaction)
        .await?;
    let mut old = job_run::Entity::find()
        .select_only()
        .column(job_run::Column::Id)
        .filter(job_run::Column::Job.eq(job))
        // One that a person ran for an instant to come keeps that instant from running again.
        .filter(job_run::Column::ScheduledAt.lt(before))
        .filter(job_run::Column::FinishedAt.lt(before))
        .order_by_asc(job_run::Column::ScheduledAt)
        .limit(RUNS_AT_ONCE)
        // Or a person might take one up again while its attempts are removed.
        .lock_exclusive();
    if let Some(kept) = last_success {
        old = old.filter(job_run::Column::Id.ne(kept));
    }
    let old: Vec<Uuid> = old.into_tuple().all(transaction).await?;
    failed_rows::delete_of(transaction, &old).await?;
    job_attempt::Entity::delete_many()
        .filter(job_attempt::Column::RunId.is_in(old.iter().copied()))
        .exec(transaction)
        .await?;
    let removed = job_run::Entity::delete_many()
        .filter(job_run::Column::Id.is_in(old))
        .exec(transaction)
        .await?;
    Ok(removed.rows_affected)
}
