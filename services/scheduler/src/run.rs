use std::ops::AddAssign;

use event_log::{AppendError, ReadError};
use serde::Serialize;
use store::StoreError;

/// What a run has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Rows that were read.
    pub read: u64,
    /// Events that were not in the log before.
    pub emitted: u64,
    /// Events that the log had already.
    pub already_emitted: u64,
    /// Rows that no event could be made of.
    pub skipped: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.emitted += other.emitted;
        self.already_emitted += other.already_emitted;
        self.skipped += other.skipped;
    }
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
        earliest_emission: chrono::DateTime<chrono::Utc>,
        /// The sequence that the table has reached.
        projected: u64,
        /// The sequence that it would have to reach.
        logged: u64,
    },
}

impl RunError {
    /// Whether trying again later may help.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            // Another process has taken the run over: it is in good hands.
            Self::Store(StoreError::AttemptOver { .. }) | Self::Checkpoint { .. } => false,
            Self::Store(_) | Self::Append(_) | Self::Read(_) | Self::TableBehind { .. } => true,
        }
    }
}
