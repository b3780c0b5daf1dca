use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use store::job_runs::{AttemptRecord, Counts, FailedRow, RunRecord, State};
use utoipa::ToSchema;

use super::progress::Pace;

/// What a run or an attempt has done.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = Counts)]
struct CountsSchema {
    /// Rows read.
    read: u64,
    /// Events that the log did not have before.
    emitted: u64,
    /// Events that the log had already.
    already_emitted: u64,
    /// Rows that no event could be made of.
    skipped: u64,
}

/// A run.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RunSummary {
    /// Of which job.
    #[schema(example = "coupon-expiring")]
    pub job: String,
    /// For which instant.
    pub scheduled_at: DateTime<Utc>,
    /// `waiting`, `running`, `succeeded` or `failed`.
    pub state: &'static str,
    /// Who asked for it first: the job's `schedule`, or somebody by a `request`.
    pub origin: &'static str,
    /// What it has done, all attempts together.
    #[schema(value_type = CountsSchema)]
    pub counts: Counts,
    /// About how many rows it has to read in all, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// How long after its instant the first attempt began, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub began_late_seconds: Option<f64>,
    /// How long all attempts together took until now, in seconds.
    pub took_seconds: f64,
    /// Who is at it, as `host/pid/start/task`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Nobody else takes it before; without an owner, no scheduler tries it again before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leased_until: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it failed, or what stopped its last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The tries at it, the first one first.
    pub attempts: Vec<AttemptSummary>,
}

/// One try at a run.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AttemptSummary {
    /// Counted from 1.
    pub number: u32,
    /// `running`, `succeeded`, `failed` or `abandoned`.
    pub state: &'static str,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended, or was found to have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    /// What it did itself.
    #[schema(value_type = CountsSchema)]
    pub counts: Counts,
    /// Rows that it read in a second, on average.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_per_second: Option<f64>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A row that no event could be made of.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FailedRowSummary {
    /// Which, as `<table> <key>`.
    #[schema(example = "coupon c771")]
    pub row: String,
    /// Why.
    pub reason: String,
}

/// A run with how fast it goes and what it left out.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RunDetail {
    /// The run.
    #[serde(flatten)]
    pub run: RunSummary,
    /// How fast it goes and when it will be done; absent where nobody is at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Pace>,
    /// Rows that were left out, by their key.
    pub failed_rows: Vec<FailedRowSummary>,
    /// Pass it as `rows_after` for those after these; absent with the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_rows: Option<String>,
}

impl RunSummary {
    pub(super) fn new(run: RunRecord, now: DateTime<Utc>) -> Self {
        let took = |attempt: &AttemptRecord| attempt.ended_at.unwrap_or(now) - attempt.started_at;
        let first = run.attempts.first();
        Self {
            began_late_seconds: first.map(|attempt| seconds(attempt.started_at - run.scheduled_at)),
            took_seconds: seconds(run.attempts.iter().map(took).sum()),
            job: run.job,
            scheduled_at: run.scheduled_at,
            state: run.state.as_str(),
            origin: run.origin.as_str(),
            counts: run.counts,
            total: run.total,
            owner: run.owner,
            leased_until: run.leased_until,
            finished_at: run.finished_at,
            error: run.error,
            attempts: run
                .attempts
                .into_iter()
                .map(|attempt| AttemptSummary::new(attempt, now))
                .collect(),
        }
    }
}

impl AttemptSummary {
    fn new(attempt: AttemptRecord, now: DateTime<Utc>) -> Self {
        Self {
            number: attempt.number,
            state: attempt.state.as_str(),
            rows_per_second: Pace::rate(&attempt, now),
            started_at: attempt.started_at,
            ended_at: attempt.ended_at,
            counts: attempt.counts,
            error: attempt.error,
        }
    }
}

impl RunDetail {
    /// Of `failed`, those up to the limit are shown.
    pub(super) fn new(run: RunRecord, failed: Vec<FailedRow>, limit: u64, now: DateTime<Utc>) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = failed.len() > limit;
        let shown = failed.into_iter().take(limit);
        let failed_rows: Vec<_> = shown
            .map(|FailedRow { row, reason }| FailedRowSummary { row, reason })
            .collect();
        let next_rows = failed_rows.last().filter(|_| more).map(|row| row.row.clone());
        let current = run
            .attempts
            .last()
            .filter(|attempt| attempt.state == State::Running);
        Self {
            progress: current.and_then(|attempt| Pace::new(attempt, run.counts, run.total, now)),
            run: RunSummary::new(run, now),
            failed_rows,
            next_rows,
        }
    }
}

fn seconds(span: TimeDelta) -> f64 {
    span.as_seconds_f64()
}
