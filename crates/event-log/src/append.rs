//! Appending a chunk: pipelined, with a bounded number of acks in flight, and repeated where an ack did not come.
//!
//! A repetition is safe because each record carries its event id as `Nats-Msg-Id`: what the server has already is
//! acknowledged as a duplicate. Acks that are pending when the connection breaks do not fail, they run into their
//! time-outs; these run at the same time, so a lost server costs one time-out for each attempt and not one for each
//! record.

use std::sync::Arc;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use proto_schemas::Recipient;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use crate::EventLog;
use crate::error::{AppendError, Cause};

/// How often a record is sent before the append gives up.
const ATTEMPTS: u32 = 5;

/// The pause after an attempt that failed at once, doubled for each further one. A server that has just come back
/// refuses for a moment before its streams are led by somebody.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The server's status for "not now": no leader, overloaded, starting.
const UNAVAILABLE: usize = 503;

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

/// The ack of the record at that place in the chunk, or what came instead.
type Pending = FuturesUnordered<BoxFuture<'static, (usize, Result<PublishAck, PublishError>)>>;

impl EventLog {
    /// Appends the whole chunk in its order and returns once every record is acknowledged.
    ///
    /// A record that had to be sent again may come after later ones of its chunk. Dropping the future leaves it open
    /// which records were stored; appending them again is safe.
    ///
    /// # Errors
    ///
    /// Whenever not every record is known to be stored. [`AppendError`] says how many are.
    pub async fn append(&self, records: &[Record]) -> Result<Appended, AppendError> {
        self.check(records)?;
        let mut chunk = Chunk {
            log: self,
            records,
            appended: Appended::default(),
            failed: Vec::new(),
            last: None,
            refusal: None,
        };
        let mut unsent: Vec<usize> = (0..records.len()).collect();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(attempt - 1)).await;
            }
            chunk.send(&unsent).await?;
            if chunk.failed.is_empty() {
                return Ok(chunk.appended);
            }
            unsent = std::mem::take(&mut chunk.failed);
            unsent.sort_unstable();
            tracing::warn!(attempt, missing = unsent.len(), cause = ?chunk.last, "acks are missing; sending again");
        }
        Err(AppendError::Unconfirmed {
            confirmed: chunk.confirmed(),
            total: records.len(),
            attempts: ATTEMPTS,
            cause: chunk.last.unwrap_or_else(|| Cause::of(&"no ack")),
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
    appended: Appended,
    /// Places of the records of this attempt that are to be sent again.
    failed: Vec<usize>,
    /// The last reason for that.
    last: Option<Cause>,
    /// The first answer that no repetition changes.
    refusal: Option<AppendError>,
}

impl Chunk<'_> {
    /// Sends these records and collects all their acks. After a refusal nothing more is sent, but what is under way is
    /// still counted.
    async fn send(&mut self, indexes: &[usize]) -> Result<(), AppendError> {
        let mut pending = Pending::new();
        for (position, &index) in indexes.iter().enumerate() {
            let permit = self.permit(&mut pending).await;
            if self.refusal.is_some() {
                break;
            }
            match self.publish(index, permit).await {
                Ok(ack) => pending.push(ack),
                Err(error) => {
                    self.settle(index, Err(error));
                    // The connection takes nothing more. Each further record would wait for its own time-out, in turn.
                    self.failed.extend(&indexes[position + 1..]);
                    break;
                }
            }
        }
        while let Some((index, outcome)) = pending.next().await {
            self.settle(index, outcome);
        }
        let Some(mut refusal) = self.refusal.take() else {
            return Ok(());
        };
        if let AppendError::Refused { confirmed, .. } = &mut refusal {
            *confirmed = self.confirmed();
        }
        Err(refusal)
    }

    /// Waits for the right to send one more. Meanwhile acks are taken: when one's own hold all permits, waiting without
    /// taking them would be waiting for ever.
    async fn permit(&mut self, pending: &mut Pending) -> Option<OwnedSemaphorePermit> {
        loop {
            let permits = Arc::clone(&self.log.inner.append_permits);
            tokio::select! {
                biased;
                permit = permits.acquire_owned() => return permit.ok(),
                Some((index, outcome)) = pending.next(), if !pending.is_empty() => self.settle(index, outcome),
            }
        }
    }

    /// Hands one record to the connection; the future that comes back is its ack.
    async fn publish(
        &self,
        index: usize,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<BoxFuture<'static, (usize, Result<PublishAck, PublishError>)>, PublishError> {
        let Record {
            recipient,
            id,
            payload,
        } = &self.records[index];
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, id.to_string().as_str());
        let message = PublishMessage::build().payload(payload.clone()).headers(headers);
        let ack = self
            .log
            .inner
            .context
            .send_publish(recipient.subject(), message)
            .await?;
        Ok(Box::pin(async move {
            let outcome = ack.await;
            drop(permit);
            (index, outcome)
        }))
    }

    fn settle(&mut self, index: usize, outcome: Result<PublishAck, PublishError>) {
        let expected = &self.log.inner.settings.stream;
        let refusal = match outcome {
            Ok(ack) if ack.stream != *expected => AppendError::OtherStream {
                index,
                expected: expected.clone(),
                found: ack.stream,
            },
            Ok(ack) if ack.duplicate => return self.appended.already_emitted += 1,
            Ok(_) => return self.appended.emitted += 1,
            Err(error) if may_pass(&error) => {
                self.last = Some(Cause::of(&error));
                return self.failed.push(index);
            }
            Err(error) => AppendError::Refused {
                index,
                id: self.records[index].id,
                confirmed: 0,
                total: self.records.len(),
                cause: Cause::of(&error),
            },
        };
        self.refusal.get_or_insert(refusal);
    }

    fn confirmed(&self) -> usize {
        usize::try_from(self.appended.emitted + self.appended.already_emitted).unwrap_or(usize::MAX)
    }
}

/// Whether the same request may be answered otherwise in a moment.
fn may_pass(error: &PublishError) -> bool {
    use std::error::Error as _;
    match error.kind() {
        PublishErrorKind::TimedOut
        | PublishErrorKind::BrokenPipe
        | PublishErrorKind::MaxAckPending
        // Nobody answers for the subject: the stream has no leader yet, or is gone.
        | PublishErrorKind::StreamNotFound => true,
        PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::WrongLastSequence
        | PublishErrorKind::MaxPayloadExceeded => false,
        PublishErrorKind::Other => {
            let refusal = error.source().and_then(|source| source.downcast_ref::<async_nats::jetstream::Error>());
            refusal.is_none_or(|refusal| refusal.code() == UNAVAILABLE)
        }
    }
}
