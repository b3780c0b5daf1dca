//! Appending one record on condition that nothing else came since.
//!
//! Whoever decides by what a recipient was told so far names the last message that it saw (the server's
//! `Nats-Expected-Last-Subject-Sequence`), and of several who do so at the same time one gets its record stored.
//!
//! A record that is sent again, because its ack was lost or because somebody asked twice, has the place that it was given,
//! whatever came since. A server of a cluster looks whether it knows the id before it looks at the condition; a server that
//! keeps the stream alone does so afterwards. So after a lost race the id is asked for by itself: with a message that no
//! stream takes (for a roll-up that does not exist), which either kind refuses only once it has looked for the id, and
//! before it has begun to store anything.

use std::error::Error as _;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::header::NATS_ROLLUP;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{Error, ErrorCode};
use proto_schemas::Recipient;
use uuid::Uuid;

use crate::EventLog;
use crate::append::Record;
use crate::error::{Cause, PlaceError};

/// How often a record is sent before it is given up.
const ATTEMPTS: u32 = 5;

/// The pause after an attempt that failed, doubled for each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// How long an ack is still waited for once the connection was made anew: that of what was sent before never comes.
const PATIENCE_AFTER_RECONNECT: Duration = Duration::from_millis(500);

/// A roll-up that does not exist.
const NO_ROLLUP: &str = "never";

/// Statuses for "not now", as in appends of many.
const PASSING: [usize; 2] = [429, 503];

/// "wrong last sequence", where somebody else's message is on its way to the other servers in this moment; and what a message
/// with [`NO_ROLLUP`] is answered.
const NOT_STORED: [ErrorCode; 2] = [
    ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT,
    ErrorCode::STREAM_ROLLUP_FAILED,
];

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Its sequence.
    pub sequence: u64,
    /// Whether it was there before.
    pub novelty: Novelty,
}

/// Whether a record was there before it was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    /// This append stored it.
    Fresh,
    /// The log had a record with this id within its duplicate window: for another recipient, with another payload, or from
    /// an earlier attempt of this very append whose ack was lost.
    Known,
}

/// On what condition a message is stored.
#[derive(Debug, Clone, Copy)]
enum Condition {
    None,
    /// The last message under its subject has this sequence.
    Last(u64),
    /// It is not to be stored.
    Never,
}

/// What came of one attempt.
enum Attempt {
    Placed(Placed),
    /// The condition does not hold.
    NotStored,
    Failed(PlaceError),
    /// It may be otherwise in a moment.
    Passing(Cause),
}

impl EventLog {
    /// Appends one record, if `last` is the sequence of the last message for its recipient (0 where there is none).
    /// Without `last` it is appended wherever it comes.
    ///
    /// A record whose id the log knows is not stored again, whatever `last` says, and its place is answered. An attempt
    /// whose ack is lost is repeated. Dropping the future leaves it open whether the record is stored; appending it again
    /// is safe.
    ///
    /// # Errors
    ///
    /// [`PlaceError::Conflict`] where something else came since; otherwise the record is not known to be stored.
    pub async fn append_if_last(&self, record: &Record, last: Option<u64>) -> Result<Placed, PlaceError> {
        if record.payload.is_empty() {
            return Err(PlaceError::Empty { id: record.id });
        }
        let limit = self.inner.settings.max_payload_bytes;
        if record.payload.len() > limit {
            return Err(PlaceError::TooLarge {
                id: record.id,
                bytes: record.payload.len(),
                limit,
            });
        }
        let condition = last.map_or(Condition::None, Condition::Last);
        match self.place(record, condition).await? {
            Some(placed) => Ok(placed),
            None => {
                let known = self.place_of(record.id).await?;
                known.map(Placed::known).ok_or(PlaceError::Conflict)
            }
        }
    }

    /// The place of a record with this id, if the log has seen one within its duplicate window. Stores nothing.
    ///
    /// # Errors
    ///
    /// When the servers cannot be asked.
    pub async fn place_of(&self, id: Uuid) -> Result<Option<u64>, PlaceError> {
        let question = Record {
            // The window is that of the whole stream: any subject of it will do.
            recipient: Recipient::Everybody,
            id,
            payload: "null".into(),
        };
        let placed = self.place(&question, Condition::Never).await?;
        Ok(placed.map(|placed| placed.sequence))
    }

    /// Sends until there is an answer; nothing where the condition does not hold.
    async fn place(&self, record: &Record, condition: Condition) -> Result<Option<Placed>, PlaceError> {
        let mut attempt = 1;
        loop {
            let cause = match self.attempt_place(record, condition).await {
                Attempt::Placed(placed) => return Ok(Some(placed)),
                Attempt::NotStored => return Ok(None),
                Attempt::Failed(error) => return Err(error),
                Attempt::Passing(cause) => cause,
            };
            tracing::debug!(attempt, id = %record.id, %cause, "a record has no ack; sending again");
            if attempt == ATTEMPTS {
                return Err(PlaceError::Unconfirmed {
                    id: record.id,
                    attempts: ATTEMPTS,
                    cause,
                });
            }
            tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(attempt - 1)).await;
            attempt += 1;
        }
    }

    async fn attempt_place(&self, record: &Record, condition: Condition) -> Attempt {
        // The client library would keep it and send it whenever there is a connection again, long after its sender was
        // told that it failed.
        if self.inner.client.connection_state() != State::Connected {
            return Attempt::Passing(Cause::of(&"there is no connection"));
        }
        let message = self.message_of(record, condition);
        let mut connects = self.inner.connects.clone();
        connects.mark_unchanged();
        let stored = async {
            let sent = self
                .inner
                .context
                .send_publish(record.recipient.subject(), message);
            sent.await?.await
        };
        let too_late = async {
            if connects.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(PATIENCE_AFTER_RECONNECT).await;
        };
        tokio::select! {
            biased;
            stored = stored => match stored {
                Ok(ack) if ack.duplicate => Attempt::Placed(Placed::known(ack.sequence)),
                Ok(ack) => Attempt::Placed(Placed { sequence: ack.sequence, novelty: Novelty::Fresh }),
                Err(error) => failed(record.id, &error),
            },
            () = too_late => Attempt::Passing(Cause::of(&"the connection broke before the ack")),
        }
    }

    fn message_of(&self, record: &Record, condition: Condition) -> PublishMessage {
        let id = record.id.hyphenated().to_string();
        let message = PublishMessage::build()
            .payload(record.payload.clone())
            .message_id(id)
            .expected_stream(&self.inner.settings.stream);
        match condition {
            Condition::None => message,
            Condition::Last(sequence) => message.expected_last_subject_sequence(sequence),
            Condition::Never => message.header(NATS_ROLLUP, NO_ROLLUP),
        }
    }
}

impl Placed {
    fn known(sequence: u64) -> Self {
        Self {
            sequence,
            novelty: Novelty::Known,
        }
    }
}

fn failed(id: Uuid, error: &PublishError) -> Attempt {
    let cause = Cause::of(error);
    let refusal: Option<&Error> = error.source().and_then(|source| source.downcast_ref());
    match (error.kind(), refusal) {
        (PublishErrorKind::WrongLastSequence, _) => Attempt::NotStored,
        (_, Some(refusal)) if NOT_STORED.contains(&refusal.error_code()) => Attempt::NotStored,
        // An earlier copy of this one is.
        (_, Some(refusal)) if refusal.error_code() == ErrorCode::STREAM_DUPLICATE_MESSAGE_CONFLICT => {
            Attempt::Passing(cause)
        }
        (_, Some(refusal)) if PASSING.contains(&refusal.code()) => Attempt::Passing(cause),
        (PublishErrorKind::MaxPayloadExceeded, _) | (_, Some(_)) => {
            Attempt::Failed(PlaceError::Refused { id, cause })
        }
        (_, None) => Attempt::Passing(cause),
    }
}
