//! Which job ran for which instant, how far it came and how often it was tried.
//!
//! A run is a job and the instant it was scheduled for, and exists once. An attempt is one try at it. A new attempt
//! goes on from the checkpoint of the one before, and from then on that one may not write any more; should it still be
//! alive, it learns so at its next checkpoint.

mod listing;
mod progress;

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, Insert, QueryFilter, QuerySelect,
    QueryTrait,
};
use uuid::Uuid;

pub use listing::{AttemptRecord, RunRecord};

use crate::entity::{job_attempt, job_run};
use crate::error::Attempting;
use crate::instant::stored;
use crate::{Store, StoreError};

/// What a run or an attempt has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Rows read.
    pub read: u64,
    /// Events that the log stored.
    pub emitted: u64,
    /// Events that the log had already.
    pub already_emitted: u64,
    /// Rows that no event could be made of.
    pub skipped: u64,
}

/// Where a run or an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Going on, or cut off without a word.
    Running,
    /// Came to its end.
    Succeeded,
    /// Gave up, with an error.
    Failed,
    /// An attempt that ended without a word, found by the next one.
    Abandoned,
}

/// One try at a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The run.
    pub run_id: Uuid,
    /// The attempt.
    pub id: Uuid,
    /// Counted from 1.
    pub number: u32,
    /// What the run had done before it.
    pub before: Counts,
}

/// What an attempt begins with.
#[derive(Debug, Clone, PartialEq)]
pub struct RunStart {
    /// The attempt that has begun.
    pub attempt: Attempt,
    /// Rows of this run lie after this instant, in every attempt.
    pub window_start: DateTime<Utc>,
    /// How far earlier attempts came; nothing where this one starts from the beginning.
    pub checkpoint: Option<serde_json::Value>,
    /// What they had done until then.
    pub counts: Counts,
    /// How the run stood before this attempt; nothing where there was no run.
    pub earlier: Option<State>,
}

impl Store {
    /// Begins an attempt at the run of `job` for `scheduled_at`, and records the run where it does not exist yet.
    ///
    /// An attempt at a run that has not succeeded goes on from its checkpoint. One at a run that has succeeded does it
    /// all again, from the beginning.
    pub async fn begin_run(
        &self,
        job: &str,
        scheduled_at: DateTime<Utc>,
        window_start: DateTime<Utc>,
    ) -> Result<RunStart, StoreError> {
        let attempted = "beginning a job run";
        let transaction = self.begin_write().await.attempting(attempted)?;
        let created = create(&transaction, job, stored(scheduled_at), stored(window_start))
            .await
            .attempting(attempted)?;
        let run = job_run::Entity::find()
            .filter(job_run::Column::Job.eq(job))
            .filter(job_run::Column::ScheduledAt.eq(stored(scheduled_at)))
            .lock_exclusive()
            .one(&transaction)
            .await
            .and_then(|run| run.ok_or_else(|| DbErr::RecordNotFound("the run just recorded".to_owned())))
            .attempting(attempted)?;
        let start = resume(&transaction, run, created).await?;
        transaction.commit().await.attempting(attempted)?;
        Ok(start)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Created {
    Now,
    Earlier,
}

async fn create(
    transaction: &DatabaseTransaction,
    job: &str,
    scheduled_at: DateTime<Utc>,
    window_start: DateTime<Utc>,
) -> Result<Created, DbErr> {
    let run = job_run::ActiveModel {
        id: Set(Uuid::new_v4()),
        job: Set(job.to_owned()),
        scheduled_at: Set(scheduled_at),
        window_start: Set(window_start),
        state: Set(State::Running.as_str().to_owned()),
        created_at: Set(stored(Utc::now())),
        ..Default::default()
    };
    let once = OnConflict::columns([job_run::Column::Job, job_run::Column::ScheduledAt])
        .do_nothing()
        .to_owned();
    let inserted = transaction
        .execute(&Insert::one(run).on_conflict(once).into_query())
        .await?;
    Ok(if inserted.rows_affected() == 1 {
        Created::Now
    } else {
        Created::Earlier
    })
}

async fn resume(
    transaction: &DatabaseTransaction,
    run: job_run::Model,
    created: Created,
) -> Result<RunStart, StoreError> {
    let stored_state = || State::parse(&run.state, || format!("job run {}", run.id));
    let earlier = match created {
        Created::Now => None,
        Created::Earlier => Some(stored_state()?),
    };
    let (checkpoint, counts) = if earlier == Some(State::Succeeded) {
        (None, Counts::default())
    } else {
        (
            run.checkpoint
                .as_deref()
                .map(|json| checkpoint(&run, json))
                .transpose()?,
            counts_of_run(&run),
        )
    };
    let attempted = "recording an attempt at a job run";
    abandon_others(transaction, run.id).await.attempting(attempted)?;
    restart(transaction, run.id, checkpoint.as_ref(), counts)
        .await
        .attempting(attempted)?;
    let attempt = add_attempt(transaction, run.id, counts)
        .await
        .attempting(attempted)?;
    Ok(RunStart {
        attempt,
        window_start: run.window_start,
        checkpoint,
        counts,
        earlier,
    })
}

fn checkpoint(run: &job_run::Model, json: &str) -> Result<serde_json::Value, StoreError> {
    serde_json::from_str(json).map_err(|_| StoreError::Stored {
        row: format!("job run {}", run.id),
        column: "checkpoint",
        found: json.to_owned(),
    })
}

async fn abandon_others(transaction: &DatabaseTransaction, run_id: Uuid) -> Result<(), DbErr> {
    job_attempt::Entity::update_many()
        .col_expr(job_attempt::Column::State, Expr::value(State::Abandoned.as_str()))
        .col_expr(job_attempt::Column::EndedAt, Expr::value(stored(Utc::now())))
        .filter(job_attempt::Column::RunId.eq(run_id))
        .filter(job_attempt::Column::State.eq(State::Running.as_str()))
        .exec(transaction)
        .await?;
    Ok(())
}

async fn restart(
    transaction: &DatabaseTransaction,
    run_id: Uuid,
    checkpoint: Option<&serde_json::Value>,
    counts: Counts,
) -> Result<(), DbErr> {
    let update = job_run::Entity::update_many()
        .col_expr(job_run::Column::State, Expr::value(State::Running.as_str()))
        .col_expr(job_run::Column::FinishedAt, Expr::value(None::<DateTime<Utc>>))
        .col_expr(job_run::Column::Error, Expr::value(None::<String>))
        .col_expr(
            job_run::Column::Checkpoint,
            Expr::value(checkpoint.map(ToString::to_string)),
        );
    progress::set_run_counts(update, counts)
        .filter(job_run::Column::Id.eq(run_id))
        .exec(transaction)
        .await?;
    Ok(())
}

async fn add_attempt(
    transaction: &DatabaseTransaction,
    run_id: Uuid,
    before: Counts,
) -> Result<Attempt, DbErr> {
    let last: Option<Option<i32>> = job_attempt::Entity::find()
        .select_only()
        .expr(job_attempt::Column::Number.max())
        .filter(job_attempt::Column::RunId.eq(run_id))
        .into_tuple()
        .one(transaction)
        .await?;
    let number = last.flatten().unwrap_or(0) + 1;
    let attempt = job_attempt::ActiveModel {
        id: Set(Uuid::new_v4()),
        run_id: Set(run_id),
        number: Set(number),
        started_at: Set(stored(Utc::now())),
        ended_at: NotSet,
        state: Set(State::Running.as_str().to_owned()),
        ..Default::default()
    };
    let id = *attempt.id.as_ref();
    transaction.execute(&Insert::one(attempt).into_query()).await?;
    Ok(Attempt {
        run_id,
        id,
        number: number.cast_unsigned(),
        before,
    })
}

fn counts_of_run(run: &job_run::Model) -> Counts {
    Counts::stored([run.read_count, run.emitted, run.already_emitted, run.skipped])
}

impl Counts {
    fn stored([read, emitted, already_emitted, skipped]: [i64; 4]) -> Self {
        let [read, emitted, already_emitted, skipped] =
            [read, emitted, already_emitted, skipped].map(|count| u64::try_from(count).unwrap_or(0));
        Self {
            read,
            emitted,
            already_emitted,
            skipped,
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            read: self.read.saturating_sub(before.read),
            emitted: self.emitted.saturating_sub(before.emitted),
            already_emitted: self.already_emitted.saturating_sub(before.already_emitted),
            skipped: self.skipped.saturating_sub(before.skipped),
        }
    }

    fn columns(self) -> [i64; 4] {
        [self.read, self.emitted, self.already_emitted, self.skipped]
            .map(|n| i64::try_from(n).unwrap_or(i64::MAX))
    }
}

impl State {
    const ALL: [Self; 4] = [Self::Running, Self::Succeeded, Self::Failed, Self::Abandoned];

    /// The state as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }

    fn parse(text: &str, row: impl Fn() -> String) -> Result<Self, StoreError> {
        let known = Self::ALL.into_iter().find(|state| state.as_str() == text);
        known.ok_or_else(|| StoreError::Stored {
            row: row(),
            column: "state",
            found: text.to_owned(),
        })
    }
}
