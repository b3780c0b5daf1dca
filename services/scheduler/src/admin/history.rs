use chrono::{DateTime, Utc};
use serde::Serialize;
use store::job_runs::{HistoryEntry, SkipRecord};
use utoipa::ToSchema;

use super::run::RunSummary;

/// What became of scheduled instants, the latest first. Between the first and the last there is no instant of the schedule
/// that is not in one of them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HistoryPage {
    /// Runs, and instants that had none.
    pub entries: Vec<Entry>,
    /// Pass it as `before` for the entries before these; absent with the earliest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<DateTime<Utc>>,
}

/// What became of one instant, or of some in a row.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// It had a run.
    Run(RunSummary),
    /// They had none.
    Skipped(Skipped),
}

/// Scheduled instants in a row that had no run.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Skipped {
    /// The first of them.
    pub first: DateTime<Utc>,
    /// The last of them.
    pub last: DateTime<Utc>,
    /// How many they are.
    pub instants: u64,
    /// Why, for programs: `superseded`, `policy` or `grace`.
    pub reason: &'static str,
    /// The run that stands for them, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<DateTime<Utc>>,
    /// Whether the job was paused then.
    pub paused: bool,
    /// Why, for people.
    #[schema(example = "3 instants missed: found later than the grace period allows")]
    pub text: String,
    /// When they were found.
    pub recorded_at: DateTime<Utc>,
}

impl HistoryPage {
    pub(super) fn new(entries: Vec<HistoryEntry>, next: Option<DateTime<Utc>>) -> Self {
        let now = Utc::now();
        let entries = entries.into_iter().map(|entry| match entry {
            HistoryEntry::Run(run) => Entry::Run(RunSummary::new(run, now)),
            HistoryEntry::Skipped(skipped) => Entry::Skipped(Skipped::from(skipped)),
        });
        Self {
            entries: entries.collect(),
            next,
        }
    }
}

impl From<SkipRecord> for Skipped {
    fn from(
        SkipRecord {
            skip, recorded_at, ..
        }: SkipRecord,
    ) -> Self {
        Self {
            text: skip.to_string(),
            first: skip.first,
            last: skip.last,
            instants: skip.instants,
            reason: skip.reason.as_str(),
            superseded_by: skip.reason.superseded_by(),
            paused: skip.paused,
            recorded_at,
        }
    }
}
