//! Reading what one recipient missed: one request, answered by the server with the messages one by one and an end.
//!
//! This is JetStream's direct get in batches. All requests share one inbox, `<inbox>.<request>`, and one task hands the
//! answers to whoever asked. Each message names the one before it (`Nats-Last-Sequence`), and so does the end; a break
//! in that chain is a message that was lost between the server and here, where nothing is sent twice.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::header::{NATS_LAST_SEQUENCE, NATS_SEQUENCE, NATS_SUBJECT, NATS_TIME_STAMP};
use async_nats::{Client, HeaderMap, Message, StatusCode};
use chrono::{DateTime, SecondsFormat, Utc};
use futures::StreamExt as _;
use proto_schemas::Recipient;
use serde::Serialize;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;

use crate::EventLog;
use crate::connection::{Connection, Purpose};
use crate::error::{Cause, OpenError, ReadError};
use crate::settings::Settings;
use crate::stored::Stored;

/// The most messages of one read.
pub const MAX_BATCH: usize = 1_000;

/// The server ends a batch early once it carries this many bytes, so that one read cannot hold up the connection.
const MAX_BATCH_BYTES: usize = 256 * 1024;

const NUM_PENDING: &str = "Nats-Num-Pending";

/// A part of what there is for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// In order.
    pub messages: Vec<Stored>,
    /// Whether there is more behind the last of them. If not, this is everything that the log had for the recipient
    /// when it was asked.
    pub more: bool,
}

/// The connection for replays, with its shared inbox.
pub(crate) struct Replay {
    client: Client,
    subject: String,
    inbox: String,
    waiting: Waiting,
    requests: AtomicU64,
    permits: Semaphore,
    patience: Duration,
    dispatcher: AbortHandle,
}

/// Who waits for the answer to which request.
type Waiting = Arc<Mutex<HashMap<u64, mpsc::UnboundedSender<Message>>>>;

#[derive(Serialize)]
struct Request<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<String>,
    next_by_subj: &'a str,
    batch: usize,
    max_bytes: usize,
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
        let batch = limit.clamp(1, MAX_BATCH);
        let request = Request {
            seq: Some(seq),
            start_time: None,
            next_by_subj: &subject,
            batch,
            max_bytes: MAX_BATCH_BYTES,
        };
        self.inner.replay.ask(&request).await
    }

    /// The position from which a follower gets exactly what was stored at `instant` or later, by the server's clock.
    ///
    /// # Errors
    ///
    /// As [`EventLog::bounds`] and [`EventLog::read`].
    pub async fn last_sequence_before(&self, instant: DateTime<Utc>) -> Result<u64, ReadError> {
        // Before the question and not after it: otherwise what is stored in between would be passed over.
        let end = self.bounds().await?.last_sequence;
        let request = Request {
            seq: None,
            start_time: Some(instant.to_rfc3339_opts(SecondsFormat::Nanos, true)),
            next_by_subj: ">",
            batch: 1,
            max_bytes: MAX_BATCH_BYTES,
        };
        let found = self.inner.replay.ask(&request).await?;
        Ok(found.messages.first().map_or(end, |first| first.sequence - 1))
    }
}

impl Replay {
    pub(crate) async fn open(settings: &Settings) -> Result<Self, OpenError> {
        let Connection { client, .. } = Connection::open(settings, Purpose::Replay).await?;
        let inbox = client.new_inbox();
        let answers = client.subscribe(format!("{inbox}.*")).await;
        let answers = answers.map_err(|error| OpenError::Stream {
            stream: settings.stream.clone(),
            cause: Cause::of(&error),
        })?;
        let waiting = Waiting::default();
        let dispatcher = tokio::spawn(dispatch(answers, Arc::clone(&waiting))).abort_handle();
        Ok(Self {
            client,
            subject: format!("$JS.API.DIRECT.GET.{}", settings.stream),
            inbox,
            waiting,
            requests: AtomicU64::new(0),
            permits: Semaphore::new(settings.reads_in_flight),
            patience: settings.ack_timeout,
            dispatcher,
        })
    }

    async fn ask(&self, request: &Request<'_>) -> Result<Batch, ReadError> {
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|closed| ReadError::Refused(Cause::of(&closed)))?;
        let mut answers = self.expect_answers();
        let body = serde_json::to_vec(request).map_err(|error| ReadError::Refused(Cause::of(&error)))?;
        let reply = format!("{}.{}", self.inbox, answers.request);
        let sent = self
            .client
            .publish_with_reply(self.subject.clone(), reply, body.into());
        // While there is no connection the client's own queue may be full, and sending waits.
        let sent = tokio::time::timeout(self.patience, sent)
            .await
            .map_err(|_elapsed| ReadError::TimedOut)?;
        sent.map_err(|error| ReadError::Refused(Cause::of(&error)))?;
        let mut messages = Vec::new();
        let mut last = 0;
        loop {
            let answer = tokio::time::timeout(self.patience, answers.receiver.recv()).await;
            let Ok(Some(answer)) = answer else {
                return Err(ReadError::TimedOut);
            };
            match take(&answer, last)? {
                Answer::Message(stored) => {
                    last = stored.sequence;
                    messages.push(stored);
                }
                Answer::End { more } => return Ok(Batch { messages, more }),
            }
        }
    }

    fn expect_answers(&self) -> Answers<'_> {
        let request = self.requests.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = mpsc::unbounded_channel();
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(request, sender);
        Answers {
            waiting: &self.waiting,
            request,
            receiver,
        }
    }
}

impl Drop for Replay {
    /// The dispatcher's subscription would keep the connection open for ever.
    fn drop(&mut self) {
        self.dispatcher.abort();
    }
}

/// A place in the map of those who wait, given up when it is dropped.
///
/// Its channel is unbounded, and bounded by what one request asks for.
struct Answers<'a> {
    waiting: &'a Waiting,
    request: u64,
    receiver: mpsc::UnboundedReceiver<Message>,
}

impl Drop for Answers<'_> {
    fn drop(&mut self) {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.request);
    }
}

async fn dispatch(mut answers: async_nats::Subscriber, waiting: Waiting) {
    while let Some(answer) = answers.next().await {
        let request = answer
            .subject
            .rsplit_once('.')
            .and_then(|(_, request)| request.parse::<u64>().ok());
        let waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asked) = request.and_then(|request| waiting.get(&request)) {
            // Whoever asked may have given up in this moment.
            let _ = asked.send(answer);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Message(Stored),
    End { more: bool },
}

/// Reads one answer, of which the one before had the sequence `last` (0 if there was none).
fn take(answer: &Message, last: u64) -> Result<Answer, ReadError> {
    const END_OF_BATCH: u16 = 204;
    let refused = |what: &str| ReadError::Refused(Cause::of(&what));
    let Some(status) = answer.status else {
        let headers = answer
            .headers
            .as_ref()
            .ok_or_else(|| refused("a message without headers"))?;
        in_chain(headers, last)?;
        let stored = || {
            let stored_at = DateTime::parse_from_rfc3339(text(headers, NATS_TIME_STAMP)?).ok()?;
            Some(Stored {
                sequence: number(headers, NATS_SEQUENCE)?,
                subject: text(headers, NATS_SUBJECT)?.into(),
                stored_at: stored_at.with_timezone(&Utc),
                payload: answer.payload.clone(),
            })
        };
        return stored()
            .map(Answer::Message)
            .ok_or_else(|| refused("a message without sequence, subject or time"));
    };
    match status {
        StatusCode::NOT_FOUND => Ok(Answer::End { more: false }),
        status if status.as_u16() == END_OF_BATCH => {
            let headers = answer
                .headers
                .as_ref()
                .ok_or_else(|| refused("an end without headers"))?;
            in_chain(headers, last)?;
            let pending = number(headers, NUM_PENDING).ok_or_else(|| refused("an end without a count"))?;
            Ok(Answer::End { more: pending > 0 })
        }
        StatusCode::NO_RESPONDERS => Err(refused(
            "nobody answers for the stream: it is gone, or has no leader for the moment",
        )),
        status => Err(refused(&format!(
            "{status} {}",
            answer.description.as_deref().unwrap_or_default()
        ))),
    }
}

fn in_chain(headers: &HeaderMap, last: u64) -> Result<(), ReadError> {
    match number(headers, NATS_LAST_SEQUENCE) {
        Some(before) if before == last => Ok(()),
        _ => Err(ReadError::Hole { after: last }),
    }
}

fn text<N: async_nats::header::IntoHeaderName>(headers: &HeaderMap, name: N) -> Option<&str> {
    headers.get(name).map(async_nats::HeaderValue::as_str)
}

fn number<N: async_nats::header::IntoHeaderName>(headers: &HeaderMap, name: N) -> Option<u64> {
    text(headers, name)?.parse().ok()
}
