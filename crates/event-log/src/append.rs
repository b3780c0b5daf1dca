//! Appending a chunk: pipelined, with a bounded number of acks in flight, and repeated where an ack did not come.
//!
//! Messages go out by core publish and are acknowledged to one inbox that all appends of the process share (see
//! [`acks`]); what a message costs is its headers and its subject, no task, channel or timer. All appends share the
//! acks in flight in the order in which they ask, block by block, so that a few appends at once keep the server busy
//! without a pause between chunks, and a small one need not wait for a large one.
//!
//! A repetition is safe because each record carries its event id as `Nats-Msg-Id`: what the server has already is
//! acknowledged as a duplicate. Acks that are pending when the connection breaks never come. Nothing tells which those
//! are, so an attempt ends when nothing of it was heard of for a while, and what is missing then is sent again.

pub(crate) mod acks;
mod answer;
mod blocks;
mod expected;

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::client::PublishErrorKind;
use async_nats::client::traits::Publisher as _;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::message::OutboundMessage;
use bytes::Bytes;
use proto_schemas::Recipient;
use tokio::time::Instant;
use uuid::Uuid;

use crate::EventLog;
use crate::append::answer::{Answer, Refusal};
use crate::append::blocks::Refused;
use crate::append::expected::{Begun, Expected};
use crate::error::{AppendError, Cause};

/// How often a record is sent before the append gives up.
const ATTEMPTS: u32 = 5;

/// The pause after an attempt that failed, doubled for each further one. A server that has just come back refuses for a
/// moment before its streams are led by somebody.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// How long an ack is waited for once the connection was made anew. What was sent before is not acknowledged any more;
/// what still waited in the client is, at once.
const PATIENCE_AFTER_RECONNECT: Duration = Duration::from_millis(500);

/// One event for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Who it is for.
    pub recipient: Recipient,
    /// Identity of the occurrence: a record with an id that the log has seen within its duplicate window is not
    /// stored again.
    pub id: Uuid,
    /// What happened. Not empty.
    pub payload: Bytes,
}

/// What became of a chunk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Appended {
    /// Records that were stored by this append.
    pub emitted: u64,
    /// Records that the log had already. When an ack was lost and the record sent again, a record of this very append
    /// counts here too.
    pub already_emitted: u64,
}

impl Appended {
    /// How many records are known to be stored.
    pub fn confirmed(&self) -> u64 {
        self.emitted + self.already_emitted
    }
}

impl EventLog {
    /// Appends the whole chunk in its order and returns once every record is acknowledged.
    ///
    /// A record that had to be sent again may come after later ones of its chunk. Several appends at once, whatever
    /// drives them, share `nats.in_flight` fairly; their records mix in the log. Dropping the future leaves it open which
    /// records were stored; appending them again is safe.
    ///
    /// # Errors
    ///
    /// Whenever not every record is known to be stored. [`AppendError`] says how many are.
    pub async fn append(&self, records: &[Record]) -> Result<Appended, AppendError> {
        self.check(records)?;
        let chunk = Chunk {
            log: self,
            records,
            expected: Expected::new(&self.inner.acks, records.len()),
        };
        for attempt in 0..ATTEMPTS {
            chunk.attempt().await;
            match chunk.outcome() {
                Outcome::Appended(appended) => return Ok(appended),
                Outcome::Refused(error) => return Err(error),
                Outcome::SingledOut => {}
                Outcome::Missing => chunk.pause(attempt).await,
            }
        }
        Err(AppendError::Unconfirmed {
            confirmed: chunk.confirmed(),
            total: records.len(),
            attempts: ATTEMPTS,
            cause: chunk.expected.with(|blocks| blocks.obstacle()),
        })
    }

    fn check(&self, records: &[Record]) -> Result<(), AppendError> {
        let limit = self.inner.settings.max_payload_bytes;
        for (index, Record { id, payload, .. }) in records.iter().enumerate() {
            if payload.is_empty() {
                return Err(AppendError::Empty { index, id: *id });
            }
            if payload.len() > limit {
                return Err(AppendError::TooLarge {
                    index,
                    id: *id,
                    bytes: payload.len(),
                    limit,
                });
            }
        }
        Ok(())
    }
}

/// One append under way.
struct Chunk<'a> {
    log: &'a EventLog,
    records: &'a [Record],
    expected: Expected<'a>,
}

/// How an attempt ended.
enum Outcome {
    Appended(Appended),
    Refused(AppendError),
    /// One of a few records is refused; the next attempt tells which.
    SingledOut,
    Missing,
}

impl Chunk<'_> {
    /// Sends what is missing and waits for its acks, as long as any come. After a refusal nothing more is sent, but what
    /// is under way is still counted.
    async fn attempt(&self) {
        let patience = self.log.inner.settings.ack_timeout;
        let obstacle = tokio::select! {
            biased;
            sent = self.send_missing() => sent.err(),
            () = self.silence(patience) => {
                Some(Cause::of(&format_args!("no ack for {patience:?}, or the connection broke")))
            }
        };
        self.expected.give_up();
        if let Some(obstacle) = obstacle {
            self.expected.set_obstacle(obstacle);
        }
    }

    async fn send_missing(&self) -> Result<(), Cause> {
        for (block, records) in self.expected.with(|blocks| blocks.missing()) {
            let Some(begun) = self.expected.begin(block, &records).await else {
                break;
            };
            for record in &self.records[records] {
                self.publish(record, &begun).await?;
            }
        }
        self.expected.all_closed().await;
        Ok(())
    }

    /// Hands one record to the connection. Fails when there is none any more.
    async fn publish(&self, record: &Record, begun: &Begun) -> Result<(), Cause> {
        let mut headers = HeaderMap::new();
        let id = record
            .id
            .hyphenated()
            .encode_lower(&mut Uuid::encode_buffer())
            .to_owned();
        headers.insert(NATS_MESSAGE_ID, id);
        let message = OutboundMessage {
            subject: record.recipient.subject().into(),
            reply: Some(begun.reply.clone()),
            payload: record.payload.clone(),
            headers: Some(headers),
        };
        let Err(error) = self.log.inner.client.publish_message(message).await else {
            return Ok(());
        };
        match error.kind() {
            PublishErrorKind::Send => Err(Cause::of(&error)),
            // More than this server takes from any client, or a subject that it would not read: it was not sent.
            PublishErrorKind::MaxPayloadExceeded | PublishErrorKind::InvalidSubject => {
                let refusal = Refusal::Record(Cause::of(&error));
                self.expected.answer(begun, Answer::Final(refusal));
                Ok(())
            }
        }
    }

    /// Ends when something is under way and nothing of it was heard of for so long.
    async fn silence(&self, patience: Duration) {
        let mut patience = patience;
        let mut connects = self.log.inner.connects.clone();
        connects.mark_unchanged();
        let mut since = Instant::now();
        loop {
            since = since.max(self.expected.heard());
            let deadline = since + patience;
            if Instant::now() >= deadline {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => {}
                Ok(()) = connects.changed() => {
                    patience = patience.min(PATIENCE_AFTER_RECONNECT);
                    since = Instant::now();
                }
            }
        }
    }

    fn outcome(&self) -> Outcome {
        let total = self.records.len();
        let error = match self.expected.with(|blocks| blocks.refused()) {
            None if self.expected.with(|blocks| blocks.missing()).is_empty() => {
                return Outcome::Appended(self.appended());
            }
            None => return Outcome::Missing,
            Some(Refused::OneOf(block)) => {
                self.expected.with(|blocks| blocks.single_out(block));
                return Outcome::SingledOut;
            }
            Some(Refused::Record(index, cause)) => AppendError::Refused {
                index,
                id: self.records[index].id,
                appended: self.appended(),
                total,
                cause,
            },
            Some(Refused::Log(cause)) => AppendError::Unwritable {
                confirmed: self.confirmed(),
                total,
                cause,
            },
            Some(Refused::OtherStream(found)) => AppendError::OtherStream {
                expected: self.log.inner.settings.stream.clone(),
                found,
            },
        };
        Outcome::Refused(error)
    }

    async fn pause(&self, attempt: u32) {
        let confirmed = self.confirmed();
        let cause = self.expected.with(|blocks| blocks.obstacle());
        tracing::warn!(attempt, confirmed, total = self.records.len(), %cause, "acks are missing; sending again");
        if attempt + 1 < ATTEMPTS {
            tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(attempt)).await;
        }
    }

    fn appended(&self) -> Appended {
        self.expected.with(|blocks| blocks.appended())
    }

    fn confirmed(&self) -> usize {
        usize::try_from(self.appended().confirmed()).unwrap_or(usize::MAX)
    }
}
