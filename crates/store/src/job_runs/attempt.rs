//! The beginning of an attempt: who has the run from now on, and from where it goes on.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, Insert, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
};
use serde_json::Value;
use uuid::Uuid;

use super::progress::PageBegan;
use super::{Attempt, Counts, Lease, RunStart, State, WindowStart, failed_rows};
use crate::StoreError;
use crate::entity::{job_attempt, job_run};
use crate::error::Attempting;
use crate::instant::stored;

const ATTEMPTED: &str = "beginning an attempt at a job run";

/// Begins the next attempt at a run whose row is locked.
pub(super) async fn begin(
    transaction: &DatabaseTransaction,
    run: job_run::Model,
    lease: &Lease,
    window: &WindowStart<'_>,
    now: DateTime<Utc>,
) -> Result<RunStart, StoreError> {
    let state = State::parse(&run.state, || format!("job run {}", run.id))?;
    let number = next_number(transaction, &run).await.attempting(ATTEMPTED)?;
    let first = number == 1;
    let window_start = if first {
        let last = last_succeeded_before(transaction, &run.job, run.scheduled_at)
            .await
            .attempting(ATTEMPTED)?;
        stored(window(run.scheduled_at, last))
    } else {
        run.window_start
    };
    let from = Beginning::of(&run, state)?;
    if from.failed_rows == FailedRows::Forgotten {
        failed_rows::delete_of(transaction, &[run.id])
            .await
            .attempting(ATTEMPTED)?;
    }
    abandon_others(transaction, run.id, now)
        .await
        .attempting(ATTEMPTED)?;
    let attempt = Attempt {
        run_id: run.id,
        number: number.cast_unsigned(),
        before: from.counts,
    };
    give(transaction, &attempt, &from, lease, window_start, now)
        .await
        .attempting(ATTEMPTED)?;
    add_attempt(transaction, &attempt, now)
        .await
        .attempting(ATTEMPTED)?;
    Ok(RunStart {
        attempt,
        scheduled_at: run.scheduled_at,
        window_start,
        checkpoint: from.checkpoint,
        counts: from.counts,
        earlier: (!first).then_some(state),
    })
}

/// The number after that of the last attempt. Asked of the attempts and not of the fence, which a process of an older
/// version does not move: a number that is taken could never be inserted, and the run would be stuck.
async fn next_number(transaction: &DatabaseTransaction, run: &job_run::Model) -> Result<i32, DbErr> {
    let last: Option<i32> = job_attempt::Entity::find()
        .select_only()
        .column(job_attempt::Column::Number)
        .filter(job_attempt::Column::RunId.eq(run.id))
        .order_by_desc(job_attempt::Column::Number)
        .into_tuple()
        .one(transaction)
        .await?;
    Ok(last.unwrap_or(0) + 1)
}

pub(super) async fn last_succeeded_before(
    connection: &impl ConnectionTrait,
    job: &str,
    instant: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, DbErr> {
    job_run::Entity::find()
        .select_only()
        .column(job_run::Column::ScheduledAt)
        .filter(job_run::Column::Job.eq(job))
        .filter(job_run::Column::ScheduledAt.lt(instant))
        .filter(job_run::Column::State.eq(State::Succeeded.as_str()))
        .order_by_desc(job_run::Column::ScheduledAt)
        .into_tuple()
        .one(connection)
        .await
}

/// From where an attempt goes on.
struct Beginning {
    checkpoint: Option<Value>,
    counts: Counts,
    restart: Option<String>,
    total: Option<i64>,
    failed_rows: FailedRows,
}

#[derive(PartialEq, Eq)]
enum FailedRows {
    Kept,
    Forgotten,
}

impl Beginning {
    fn of(run: &job_run::Model, state: State) -> Result<Self, StoreError> {
        let (began, restart, total, failed_rows) = match state {
            State::Waiting | State::Running | State::Abandoned => {
                (stands(run)?, run.restart.clone(), run.total, FailedRows::Kept)
            }
            State::Failed => {
                let restart = run.restart.as_deref().map(|json| read(run, "restart", json));
                let began = restart.unwrap_or_else(|| stands(run))?;
                (began, None, run.total, FailedRows::Forgotten)
            }
            State::Succeeded => (PageBegan::default(), None, None, FailedRows::Forgotten),
        };
        Ok(Self {
            checkpoint: began.checkpoint,
            counts: began.counts,
            restart,
            total,
            failed_rows,
        })
    }
}

fn stands(run: &job_run::Model) -> Result<PageBegan, StoreError> {
    let checkpoint = run.checkpoint.as_deref();
    Ok(PageBegan {
        checkpoint: checkpoint.map(|json| read(run, "checkpoint", json)).transpose()?,
        counts: Counts::of_run(run),
    })
}

fn read<T: serde::de::DeserializeOwned>(
    run: &job_run::Model,
    column: &'static str,
    json: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|_| StoreError::Stored {
        row: format!("job run {}", run.id),
        column,
        found: json.to_owned(),
    })
}

async fn abandon_others(
    transaction: &DatabaseTransaction,
    run_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    job_attempt::Entity::update_many()
        .col_expr(job_attempt::Column::State, Expr::value(State::Abandoned.as_str()))
        .col_expr(job_attempt::Column::EndedAt, Expr::value(now))
        .filter(job_attempt::Column::RunId.eq(run_id))
        .filter(job_attempt::Column::State.eq(State::Running.as_str()))
        .exec(transaction)
        .await?;
    Ok(())
}

async fn give(
    transaction: &DatabaseTransaction,
    attempt: &Attempt,
    from: &Beginning,
    lease: &Lease,
    window_start: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let checkpoint = from.checkpoint.as_ref().map(ToString::to_string);
    let update = job_run::Entity::update_many()
        .col_expr(job_run::Column::State, Expr::value(State::Running.as_str()))
        .col_expr(job_run::Column::Fence, Expr::value(attempt.number.cast_signed()))
        .col_expr(job_run::Column::Owner, Expr::value(Some(lease.owner.as_str())))
        .col_expr(job_run::Column::LeasedUntil, Expr::value(lease.until(now)))
        .col_expr(job_run::Column::WindowStart, Expr::value(window_start))
        .col_expr(job_run::Column::Checkpoint, Expr::value(checkpoint))
        .col_expr(job_run::Column::Restart, Expr::value(from.restart.clone()))
        .col_expr(job_run::Column::Total, Expr::value(from.total))
        .col_expr(job_run::Column::FinishedAt, Expr::value(None::<DateTime<Utc>>))
        .col_expr(job_run::Column::Error, Expr::value(None::<String>));
    from.counts
        .set_of_run(update)
        .filter(job_run::Column::Id.eq(attempt.run_id))
        .exec(transaction)
        .await?;
    Ok(())
}

async fn add_attempt(
    transaction: &DatabaseTransaction,
    attempt: &Attempt,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let attempt = job_attempt::ActiveModel {
        id: Set(Uuid::new_v4()),
        run_id: Set(attempt.run_id),
        number: Set(attempt.number.cast_signed()),
        started_at: Set(now),
        state: Set(State::Running.as_str().to_owned()),
        ..Default::default()
    };
    transaction.execute(&Insert::one(attempt).into_query()).await?;
    Ok(())
}

impl Lease {
    pub(super) fn until(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        after(now, self.duration)
    }
}

/// The instant a while after another, or the last one there is.
pub(super) fn after(now: DateTime<Utc>, duration: Duration) -> DateTime<Utc> {
    let later = TimeDelta::from_std(duration)
        .ok()
        .and_then(|duration| now.checked_add_signed(duration));
    stored(later.unwrap_or(DateTime::<Utc>::MAX_UTC))
}
