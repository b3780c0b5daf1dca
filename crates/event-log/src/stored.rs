//! A message of the log.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use proto_schemas::Recipient;
use proto_schemas::subject::SubjectError;

/// A message as the log holds it.
///
/// The subject may be one that we never write, and the payload may be anything, also empty: whoever may publish to the
/// server can put it there by hand. Readers set such messages aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its place in the log. Later messages have greater ones; there may be holes.
    pub sequence: u64,
    /// What it is stored under.
    pub subject: Box<str>,
    /// When the server stored it, by the server's clock.
    pub stored_at: DateTime<Utc>,
    /// What happened.
    pub payload: Bytes,
}

impl Stored {
    pub(crate) fn new(sequence: u64, subject: &str, nanoseconds: i128, payload: Bytes) -> Self {
        // An i64 of nanoseconds lasts until the year 2262; beyond, the time is wrong and the message still right.
        let nanoseconds = i64::try_from(nanoseconds).unwrap_or(i64::MAX);
        Self {
            sequence,
            subject: subject.into(),
            stored_at: DateTime::from_timestamp_nanos(nanoseconds),
            payload,
        }
    }

    /// Who it is for.
    ///
    /// # Errors
    ///
    /// When the subject is none of ours.
    pub fn recipient(&self) -> Result<Recipient, SubjectError> {
        Recipient::from_subject(&self.subject)
    }
}
