//! Whether the log still is what a follower saw of it.
//!
//! A log that lost its last messages goes on with others in their places, and once it has grown over a position again its
//! length says nothing any more. What tells is the message at that position: when it was stored, to the nanosecond.

use chrono::{DateTime, TimeDelta, Utc};

use crate::EventLog;
use crate::error::ReadError;
use crate::replay::found_or_none;

/// The last message that a follower saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) sequence: u64,
    pub(crate) stored_at: DateTime<Utc>,
}

impl EventLog {
    /// The last sequence up to which a log that ends at `last_sequence` is what was seen: that of the message itself, unless
    /// something else is in its place now.
    ///
    /// What was stored since has later times, as long as the server's clock was not set back.
    pub(crate) async fn last_in_common(&self, seen: Seen, last_sequence: u64) -> Result<u64, ReadError> {
        let Seen { sequence, stored_at } = seen;
        let found = found_or_none(self.leader().await?.get_raw_message(sequence).await)?;
        let unchanged = match found {
            Some(message) => {
                let seen = stored_at.timestamp_nanos_opt().map(i128::from);
                seen.is_none_or(|seen| seen == message.time.unix_timestamp_nanos())
            }
            // Deleted since, by age or by hand, and what came before it cannot be told from what was seen.
            None => sequence <= last_sequence,
        };
        if unchanged {
            return Ok(sequence);
        }
        let behind = stored_at + TimeDelta::nanoseconds(1);
        let before = self.last_sequence_before(behind).await?;
        Ok(before.min(last_sequence).min(sequence - 1))
    }
}
