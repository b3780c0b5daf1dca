//! Reading what one recipient missed, and finding the position that belongs to a time.

use chrono::{DateTime, Utc};
use proto_schemas::Recipient;

use crate::EventLog;
use crate::direct_get::Request;
use crate::error::ReadError;
use crate::stored::Stored;

/// The most messages of one read.
pub const MAX_BATCH: usize = 1_000;

/// A part of what there is for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// In order.
    pub messages: Vec<Stored>,
    /// Whether there is more behind the last of them. If not, this is everything that the log had for the recipient
    /// when it was asked.
    pub more: bool,
}

impl EventLog {
    /// What the log holds for a recipient after a position: up to `limit` messages (at most [`MAX_BATCH`]), fewer when
    /// they are large.
    ///
    /// In a cluster any replica may answer, also one that is a moment behind.
    ///
    /// # Errors
    ///
    /// When the answer did not come or is not complete. Asking again is the caller's decision.
    pub async fn read(&self, recipient: &Recipient, after: u64, limit: usize) -> Result<Batch, ReadError> {
        let Some(seq) = after.checked_add(1) else {
            return Ok(Batch {
                messages: Vec::new(),
                more: false,
            });
        };
        let subject = recipient.subject();
        let request = Request::from_sequence(seq, &subject, limit.clamp(1, MAX_BATCH));
        self.inner.direct_get.ask(&request).await
    }

    /// The position from which a follower gets exactly what was stored at `instant` or later, by the server's clock.
    ///
    /// # Errors
    ///
    /// As [`EventLog::bounds`] and [`EventLog::read`].
    pub async fn last_sequence_before(&self, instant: DateTime<Utc>) -> Result<u64, ReadError> {
        // Before the question and not after it: otherwise what is stored in between would be passed over.
        let end = self.bounds().await?.last_sequence;
        let request = Request::first_at(instant);
        let found = self.inner.direct_get.ask(&request).await?;
        Ok(found.messages.first().map_or(end, |first| first.sequence - 1))
    }
}
