use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{Counts, State, counts_of_run};
use crate::entity::{job_attempt, job_run};
use crate::error::Attempting;
use crate::instant::stored;
use crate::{Store, StoreError};

/// A run as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// The run.
    pub id: Uuid,
    /// Of which job.
    pub job: String,
    /// For which instant.
    pub scheduled_at: DateTime<Utc>,
    /// Where it stands.
    pub state: State,
    /// What it has done, over all attempts since it last began from the beginning.
    pub counts: Counts,
    /// When it was first recorded.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it failed.
    pub error: Option<String>,
    /// The tries at it, the first one first.
    pub attempts: Vec<AttemptRecord>,
}

/// An attempt as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRecord {
    /// Counted from 1.
    pub number: u32,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended, or was found to have.
    pub ended_at: Option<DateTime<Utc>>,
    /// Where it stands.
    pub state: State,
    /// What it did itself.
    pub counts: Counts,
    /// Why it failed.
    pub error: Option<String>,
}

impl Store {
    /// The runs that have begun and not ended, as job and instant, the earliest first: what was cut off, once nobody
    /// else is at it.
    pub async fn unfinished_runs(&self) -> Result<Vec<(String, DateTime<Utc>)>, StoreError> {
        job_run::Entity::find()
            .select_only()
            .columns([job_run::Column::Job, job_run::Column::ScheduledAt])
            .filter(job_run::Column::State.eq(State::Running.as_str()))
            .order_by_asc(job_run::Column::ScheduledAt)
            .order_by_asc(job_run::Column::Job)
            .into_tuple()
            .all(self.connection())
            .await
            .attempting("reading unfinished job runs")
    }

    /// The latest instant before `instant` for which the job has succeeded.
    pub async fn last_succeeded_before(
        &self,
        job: &str,
        instant: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        job_run::Entity::find()
            .select_only()
            .column(job_run::Column::ScheduledAt)
            .filter(job_run::Column::Job.eq(job))
            .filter(job_run::Column::State.eq(State::Succeeded.as_str()))
            .filter(job_run::Column::ScheduledAt.lt(stored(instant)))
            .order_by_desc(job_run::Column::ScheduledAt)
            .limit(1)
            .into_tuple()
            .one(self.connection())
            .await
            .attempting("reading when a job last succeeded")
    }

    /// At most `limit` runs, of one job or of all, those for the latest instants first, with their attempts.
    pub async fn list_runs(&self, job: Option<&str>, limit: u64) -> Result<Vec<RunRecord>, StoreError> {
        let mut page = job_run::Entity::find()
            .order_by_desc(job_run::Column::ScheduledAt)
            .order_by_asc(job_run::Column::Job)
            .limit(limit);
        if let Some(job) = job {
            page = page.filter(job_run::Column::Job.eq(job));
        }
        let runs = page.all(self.connection()).await.attempting("reading job runs")?;
        let attempts = job_attempt::Entity::find()
            .filter(job_attempt::Column::RunId.is_in(runs.iter().map(|run| run.id)))
            .order_by_asc(job_attempt::Column::Number)
            .all(self.connection())
            .await
            .attempting("reading the attempts at job runs")?;
        let mut of_run: HashMap<Uuid, Vec<AttemptRecord>> = HashMap::new();
        for attempt in attempts {
            of_run
                .entry(attempt.run_id)
                .or_default()
                .push(attempt_record(attempt)?);
        }
        runs.into_iter().map(|run| run_record(&mut of_run, run)).collect()
    }
}

fn run_record(
    attempts: &mut HashMap<Uuid, Vec<AttemptRecord>>,
    run: job_run::Model,
) -> Result<RunRecord, StoreError> {
    Ok(RunRecord {
        state: State::parse(&run.state, || format!("job run {}", run.id))?,
        counts: counts_of_run(&run),
        attempts: attempts.remove(&run.id).unwrap_or_default(),
        id: run.id,
        job: run.job,
        scheduled_at: run.scheduled_at,
        created_at: run.created_at,
        finished_at: run.finished_at,
        error: run.error,
    })
}

fn attempt_record(attempt: job_attempt::Model) -> Result<AttemptRecord, StoreError> {
    Ok(AttemptRecord {
        number: attempt.number.cast_unsigned(),
        started_at: attempt.started_at,
        ended_at: attempt.ended_at,
        state: State::parse(&attempt.state, || format!("job attempt {}", attempt.id))?,
        counts: Counts::stored([
            attempt.read_count,
            attempt.emitted,
            attempt.already_emitted,
            attempt.skipped,
        ]),
        error: attempt.error,
    })
}
