use std::time::Duration;

use chrono::{DateTime, Utc};
use event_log::{AppendError, ReadError};
use store::StoreError;
use store::job_runs::{Counts, PageEnd};

/// How far a run has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// What it has done, all attempts together.
    pub counts: Counts,
    /// About how many rows it has to read in all, once that is known.
    pub total: Option<u64>,
}

/// Why a run did not come to its end. It can be run again and goes on where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The database failed.
    #[error("the run stopped at the database")]
    Store(#[from] StoreError),
    /// The log failed.
    #[error("the run stopped at the log")]
    Append(#[from] AppendError),
    /// The log cannot be asked.
    #[error("the run stopped at the log")]
    Read(#[from] ReadError),
    /// The checkpoint is of another version or was changed by hand, or cannot be written.
    #[error("the checkpoint {checkpoint} is not one of this job")]
    Checkpoint {
        /// As it is stored.
        checkpoint: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The log no longer recognises repeats of that age, and the table that would is not up to date.
    #[error(
        "events of this run may have been emitted since {earliest_emission}, longer ago than the log recognises repeats, \
         and the notification table that knows them is at {projected} of {logged}; start the projector and run again"
    )]
    TableBehind {
        /// When an earlier run may have emitted the same events.
        earliest_emission: DateTime<Utc>,
        /// The sequence that the table has reached.
        projected: u64,
        /// The sequence that it would have to reach.
        logged: u64,
    },
    /// More rows failed than one run may skip.
    #[error(
        "{skipped} rows could not be told of and scheduler.skip_limit is {limit}; `lastcall jobs show` names them. Mend \
         them and run again: it goes on from the first page that had one"
    )]
    TooManyBadRows {
        /// How many.
        skipped: u64,
        /// How many may be skipped.
        limit: u64,
        /// The page on which the limit was passed.
        page: Box<PageEnd>,
    },
    /// Somebody else is working on it.
    #[error("{owner} is running it and has it at least until {until}")]
    Owned {
        /// Which process, as `host/pid/start`.
        owner: String,
        /// How long its lease lasts unless it is renewed.
        until: DateTime<Utc>,
    },
    /// The process was told to end.
    #[error("the process was told to end")]
    Stopped,
    /// A part of the run panicked. What it said is in the log.
    #[error("a part of the run broke")]
    Broken(#[source] tokio::task::JoinError),
}

impl RunError {
    pub(crate) fn broken(error: tokio::task::JoinError) -> Self {
        Self::Broken(error)
    }

    /// Whether somebody else is at the run now.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, Self::Store(StoreError::AttemptOver { .. }))
    }

    /// Whether trying again later may help.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            // Another process has taken the run over: it is in good hands.
            Self::Store(StoreError::AttemptOver { .. })
            | Self::Owned { .. }
            | Self::Checkpoint { .. }
            | Self::TooManyBadRows { .. }
            | Self::Broken(_) => false,
            Self::Store(_) | Self::Append(_) | Self::Read(_) | Self::TableBehind { .. } | Self::Stopped => {
                true
            }
        }
    }
}

/// After a run that something stopped, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How long to leave a run alone that was stopped again and again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BackOff(Duration);

impl Default for BackOff {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl BackOff {
    /// The pause after this failure.
    pub(crate) fn pause(self) -> Duration {
        self.0
    }

    /// For the failure after this one.
    pub(crate) fn longer(self) -> Self {
        Self((self.0 * 2).min(LONGEST_PAUSE))
    }
}
