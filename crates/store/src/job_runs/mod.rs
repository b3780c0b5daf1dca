//! Which job ran for which instant, who is at it, how far it came, how often it was tried, and which instants had no run.
//!
//! **Accounts.** Every job has an instant up to which all of its schedule is accounted for.
//! [`Store::next_run`](crate::Store::next_run) moves it on and records, in the same transaction and with the job's row
//! locked, a run or a skip for each instant it passes. Whatever dies at whatever moment, an instant has one of the two or
//! lies ahead.
//!
//! **Runs and attempts.** A run is a job and the instant it was scheduled for, and exists once. An attempt is one try at
//! it, and goes on from the checkpoint of the one before.
//!
//! **Leases and fences.** Who takes a run has it for the length of a lease, and renews that while working. A lease only
//! saves double work: what keeps a stalled owner from moving the checkpoint is the fence, the number of the newest
//! attempt, which every write about a run names in its condition. Who writes with an older number learns from
//! [`StoreError::AttemptOver`] that the run is somebody else's.
//!
//! "Now" is the database's clock on PostgreSQL, one for all replicas, and this machine's on SQLite.

mod accounts;
mod attempt;
mod bounded;
mod claim;
pub(crate) mod clock;
mod counts;
mod failed_rows;
mod history;
mod lock;
mod next;
mod pause;
mod progress;
mod prune;

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::misfire::{Gap, Plan};
use serde_json::Value;
use uuid::Uuid;

pub use claim::Claim;
pub use counts::Counts;
pub use failed_rows::FailedRow;
pub use history::{AttemptRecord, HistoryEntry, RunRecord, SkipRecord};
pub use lock::SchedulingLock;
pub use next::{Look, Next};
pub use pause::JobState;
pub use progress::{PageBegan, PageDone, PageEnd};

use crate::StoreError;

/// Where a run or an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// A run that nobody has tried yet.
    Waiting,
    /// Going on, or cut off without a word. A run, also between two attempts.
    Running,
    /// Came to its end.
    Succeeded,
    /// Gave up, with an error.
    Failed,
    /// An attempt that was given up by a process that ended, or that ended without a word and was found by the next one.
    Abandoned,
}

/// Who asked for a run first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The job's schedule.
    Schedule,
    /// A person.
    Request,
}

/// For whom a run is taken, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Who takes it. Shown to people, and to others that want the run.
    pub owner: String,
    /// How long after it was taken or last renewed nobody else may take it.
    pub duration: Duration,
}

/// Where the window of a run begins, from its instant and the latest one before that for which the job has succeeded.
///
/// Asked once for each run, when its first attempt begins.
pub type WindowStart<'a> = dyn Fn(DateTime<Utc>, Option<DateTime<Utc>>) -> DateTime<Utc> + Send + Sync + 'a;

/// What becomes of the scheduled instants of a gap, as [`domain::misfire::plan`] says for a job's schedule and policy.
pub type Planning<'a> = dyn Fn(&Gap) -> Plan + Send + Sync + 'a;

/// One try at a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The run.
    pub run_id: Uuid,
    /// Counted from 1. The run's fence while no other attempt has begun.
    pub number: u32,
    /// What the run had done before it.
    pub before: Counts,
}

/// What an attempt begins with.
#[derive(Debug, Clone, PartialEq)]
pub struct RunStart {
    /// The attempt that has begun.
    pub attempt: Attempt,
    /// The instant that the run is for.
    pub scheduled_at: DateTime<Utc>,
    /// Rows of this run lie after this instant, in every attempt.
    pub window_start: DateTime<Utc>,
    /// How far earlier attempts came; nothing where this one starts from the beginning.
    pub checkpoint: Option<Value>,
    /// What they had done until then.
    pub counts: Counts,
    /// How the run stood before this attempt; nothing where it is the first.
    pub earlier: Option<State>,
}

impl State {
    const ALL: [Self; 5] = [
        Self::Waiting,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Abandoned,
    ];

    /// The state as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
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

impl Origin {
    const ALL: [Self; 2] = [Self::Schedule, Self::Request];

    /// The origin as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Request => "request",
        }
    }

    fn parse(text: &str, row: impl Fn() -> String) -> Result<Self, StoreError> {
        let known = Self::ALL.into_iter().find(|origin| origin.as_str() == text);
        known.ok_or_else(|| StoreError::Stored {
            row: row(),
            column: "origin",
            found: text.to_owned(),
        })
    }
}
