//! Reading what one recipient missed, and finding the position that belongs to a time.
//!
//! In a cluster any replica answers, also one that is behind, and it says nothing of what it does not have. So "that was
//! all" is believed only when the leader has nothing more either.

use std::sync::atomic::Ordering;

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{RawMessageError, RawMessageErrorKind, Stream};
use chrono::{DateTime, Utc};
use proto_schemas::Recipient;

use crate::EventLog;
use crate::direct_get::Request;
use crate::error::{Cause, ReadError};
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
    /// # Errors
    ///
    /// When the answer did not come or is not complete. Asking again is the caller's decision, after a moment where a
    /// replica is behind.
    pub async fn read(&self, recipient: &Recipient, after: u64, limit: usize) -> Result<Batch, ReadError> {
        let Some(seq) = after.checked_add(1) else {
            return Ok(Batch {
                messages: Vec::new(),
                more: false,
            });
        };
        let subject = recipient.subject();
        let request = Request::from_sequence(seq, &subject, limit.clamp(1, MAX_BATCH));
        let batch = self.inner.direct_get.ask(&request).await?;
        if batch.more || !self.inner.replicated.load(Ordering::Relaxed) {
            return Ok(batch);
        }
        self.confirm_end(batch, &subject, seq).await
    }

    /// Asks the leader whether what a replica answered, from `seq` on, is all there is.
    async fn confirm_end(&self, batch: Batch, subject: &str, seq: u64) -> Result<Batch, ReadError> {
        let next = batch.messages.last().map_or(seq, |last| last.sequence + 1);
        let found = self.leader().await?;
        let found = found.get_first_raw_message_by_subject(subject, next).await;
        match found_or_none(found)? {
            None => Ok(batch),
            Some(_) if batch.messages.is_empty() => Err(ReadError::Behind),
            Some(_) => Ok(Batch { more: true, ..batch }),
        }
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
        if let Some(first) = found.messages.first() {
            return Ok(first.sequence - 1);
        }
        if end == 0 {
            return Ok(0);
        }
        let last = found_or_none(self.leader().await?.get_raw_message(end).await)?;
        let newer = |last: StreamMessage| {
            let wanted = instant.timestamp_nanos_opt().map(i128::from);
            wanted.is_some_and(|wanted| last.time.unix_timestamp_nanos() >= wanted)
        };
        if last.is_some_and(newer) {
            return Err(ReadError::Behind);
        }
        Ok(end)
    }

    /// What asks the leader alone.
    pub(crate) async fn leader(&self) -> Result<Stream<()>, ReadError> {
        let stream = self
            .inner
            .context
            .get_stream_no_info(&self.inner.settings.stream)
            .await;
        stream.map_err(|error| ReadError::Refused(Cause::of(&error)))
    }
}

/// What was asked for, if it is there.
pub(crate) fn found_or_none(
    answer: Result<StreamMessage, RawMessageError>,
) -> Result<Option<StreamMessage>, ReadError> {
    match answer {
        Ok(message) => Ok(Some(message)),
        Err(error) if matches!(error.kind(), RawMessageErrorKind::NoMessageFound) => Ok(None),
        Err(error) => Err(ReadError::Refused(Cause::of(&error))),
    }
}
