use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::misfire::{Skip, SkipReason};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{Counts, Origin, State, attempt};
use crate::entity::{job_attempt, job_run, job_skip};
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
    /// Who asked for it first.
    pub origin: Origin,
    /// Where it stands.
    pub state: State,
    /// Who has it.
    pub owner: Option<String>,
    /// With an owner, when the lease lapses; without one, when its back-off ends.
    pub leased_until: Option<DateTime<Utc>>,
    /// The number of its newest attempt; 0 before the first.
    pub fence: u32,
    /// What it has done, over all attempts since it last began from the beginning.
    pub counts: Counts,
    /// How many rows it is expected to read, where that is known.
    pub total: Option<u64>,
    /// When it was first recorded.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it failed, or what stopped its last attempt.
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

/// Scheduled instants that had no run, as they are recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkipRecord {
    /// Of which job.
    pub job: String,
    /// Which instants, and why.
    pub skip: Skip,
    /// When they were found.
    pub recorded_at: DateTime<Utc>,
}

/// What became of scheduled instants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryEntry {
    /// One had a run.
    Run(RunRecord),
    /// Some in a row had none.
    Skipped(SkipRecord),
}

impl HistoryEntry {
    /// The instant by which the history is ordered: that of the run, or the last one that was skipped.
    pub fn instant(&self) -> DateTime<Utc> {
        match self {
            Self::Run(run) => run.scheduled_at,
            Self::Skipped(skipped) => skipped.skip.last,
        }
    }
}

const ATTEMPTED: &str = "reading the history of a job";

impl Store {
    /// The latest instant before another for which a job has succeeded.
    pub async fn last_succeeded_before(
        &self,
        job: &str,
        instant: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        attempt::last_succeeded_before(self.connection(), job, stored(instant))
            .await
            .attempting("reading when a job last succeeded")
    }

    /// The run of a job for an instant, with its attempts.
    pub async fn find_run(
        &self,
        job: &str,
        scheduled_at: DateTime<Utc>,
    ) -> Result<Option<RunRecord>, StoreError> {
        let attempted = "reading a job run";
        // Or the run would be as it was before its last attempt ended, and the attempt as it is after.
        let snapshot = self.begin_snapshot().await.attempting(attempted)?;
        let run = job_run::Entity::find()
            .filter(job_run::Column::Job.eq(job))
            .filter(job_run::Column::ScheduledAt.eq(stored(scheduled_at)))
            .one(&snapshot)
            .await
            .attempting(attempted)?;
        let mut records = with_attempts(&snapshot, run.into_iter().collect()).await?;
        snapshot.commit().await.attempting(attempted)?;
        Ok(records.pop())
    }

    /// At most `limit` entries, those for the latest instants first, beginning before an instant where one is given.
    ///
    /// There is one more where a run and a skip share the last instant (a person ran what had been skipped): the next
    /// page begins before it and would leave one of them out.
    pub async fn history(
        &self,
        job: &str,
        before: Option<DateTime<Utc>>,
        limit: u64,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        // Or what is recorded between the two would be a hole.
        let snapshot = self.begin_snapshot().await.attempting(ATTEMPTED)?;
        let runs = runs_before(&snapshot, job, before, limit).await?;
        let skips = skips_before(&snapshot, job, before, limit).await?;
        snapshot.commit().await.attempting(ATTEMPTED)?;
        let mut entries: Vec<_> = runs.into_iter().map(HistoryEntry::Run).collect();
        entries.extend(skips.into_iter().map(HistoryEntry::Skipped));
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.instant()));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if let Some(last) = limit.checked_sub(1).and_then(|last| entries.get(last)) {
            let last = last.instant();
            entries.truncate(entries.partition_point(|entry| entry.instant() >= last));
        }
        Ok(entries)
    }
}

async fn runs_before(
    snapshot: &DatabaseTransaction,
    job: &str,
    before: Option<DateTime<Utc>>,
    limit: u64,
) -> Result<Vec<RunRecord>, StoreError> {
    let mut page = job_run::Entity::find()
        .filter(job_run::Column::Job.eq(job))
        .order_by_desc(job_run::Column::ScheduledAt)
        .limit(limit);
    if let Some(before) = before {
        page = page.filter(job_run::Column::ScheduledAt.lt(stored(before)));
    }
    let runs = page.all(snapshot).await.attempting(ATTEMPTED)?;
    with_attempts(snapshot, runs).await
}

async fn skips_before(
    snapshot: &DatabaseTransaction,
    job: &str,
    before: Option<DateTime<Utc>>,
    limit: u64,
) -> Result<Vec<SkipRecord>, StoreError> {
    let mut page = job_skip::Entity::find()
        .filter(job_skip::Column::Job.eq(job))
        .order_by_desc(job_skip::Column::LastAt)
        .limit(limit);
    if let Some(before) = before {
        page = page.filter(job_skip::Column::LastAt.lt(stored(before)));
    }
    let skips = page.all(snapshot).await.attempting(ATTEMPTED)?;
    skips.into_iter().map(skip_record).collect()
}

async fn with_attempts(
    snapshot: &DatabaseTransaction,
    runs: Vec<job_run::Model>,
) -> Result<Vec<RunRecord>, StoreError> {
    let attempts = job_attempt::Entity::find()
        .filter(job_attempt::Column::RunId.is_in(runs.iter().map(|run| run.id)))
        .order_by_asc(job_attempt::Column::Number)
        .all(snapshot)
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

fn run_record(
    attempts: &mut HashMap<Uuid, Vec<AttemptRecord>>,
    run: job_run::Model,
) -> Result<RunRecord, StoreError> {
    let row = || format!("job run {}", run.id);
    Ok(RunRecord {
        origin: Origin::parse(&run.origin, row)?,
        state: State::parse(&run.state, row)?,
        counts: Counts::of_run(&run),
        attempts: attempts.remove(&run.id).unwrap_or_default(),
        id: run.id,
        job: run.job,
        scheduled_at: run.scheduled_at,
        owner: run.owner,
        leased_until: run.leased_until,
        fence: run.fence.cast_unsigned(),
        total: run.total.and_then(|total| u64::try_from(total).ok()),
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
        counts: Counts::of_attempt(&attempt),
        error: attempt.error,
    })
}

fn skip_record(row: job_skip::Model) -> Result<SkipRecord, StoreError> {
    let reason = SkipReason::parse(&row.reason, row.superseded_by);
    let reason = reason.ok_or_else(|| StoreError::Stored {
        row: format!("job skip {} {}", row.job, row.last_at),
        column: "reason",
        found: row.reason.clone(),
    })?;
    Ok(SkipRecord {
        skip: Skip {
            first: row.first_at,
            last: row.last_at,
            instants: u64::try_from(row.instants).unwrap_or(0),
            reason,
            paused: row.paused,
        },
        job: row.job,
        recorded_at: row.recorded_at,
    })
}
