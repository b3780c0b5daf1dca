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
use serde::Serialize;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;

use crate::connection::{Connection, Purpose};
use crate::error::{Cause, OpenError, ReadError};
use crate::replay::Batch;
use crate::settings::Settings;
use crate::stored::Stored;

/// The server ends a batch early once it carries this many bytes, so that one read cannot hold up the connection.
const MAX_BATCH_BYTES: usize = 256 * 1024;

const NUM_PENDING: &str = "Nats-Num-Pending";

/// The connection for replays, with its shared inbox.
pub(crate) struct DirectGet {
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

/// A question, in the server's words.
#[derive(Serialize)]
pub(crate) struct Request<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<String>,
    next_by_subj: &'a str,
    batch: usize,
    max_bytes: usize,
}

impl<'a> Request<'a> {
    /// Up to `batch` messages of one subject from a sequence on. The subject is a literal one: with a wildcard the server
    /// would walk whole blocks of messages.
    pub(crate) fn from_sequence(seq: u64, subject: &'a str, batch: usize) -> Self {
        Self {
            seq: Some(seq),
            start_time: None,
            next_by_subj: subject,
            batch,
            max_bytes: MAX_BATCH_BYTES,
        }
    }

    /// The first message, of any subject, that was stored at a time or later.
    pub(crate) fn first_at(instant: DateTime<Utc>) -> Self {
        let start_time = Some(instant.to_rfc3339_opts(SecondsFormat::Nanos, true));
        Self {
            seq: None,
            start_time,
            next_by_subj: ">",
            batch: 1,
            max_bytes: MAX_BATCH_BYTES,
        }
    }
}

impl DirectGet {
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

    /// Asks, and collects the whole answer.
    pub(crate) async fn ask(&self, request: &Request<'_>) -> Result<Batch, ReadError> {
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

impl Drop for DirectGet {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: Option<u16>, headers: &[(&str, &str)]) -> Message {
        let mut map = HeaderMap::new();
        for &(name, value) in headers {
            map.insert(name, value);
        }
        Message {
            subject: "inbox.1".into(),
            reply: None,
            payload: "{}".into(),
            headers: Some(map),
            status: status.map(|status| StatusCode::from_u16(status).unwrap()),
            description: None,
            length: 0,
        }
    }

    fn message(sequence: &str, before: &str) -> Message {
        let headers = [
            ("Nats-Sequence", sequence),
            ("Nats-Last-Sequence", before),
            ("Nats-Subject", "evt.user.ann"),
            ("Nats-Time-Stamp", "2026-11-21T09:00:00.5Z"),
        ];
        answer(None, &headers)
    }

    fn end(before: &str, pending: &str) -> Message {
        answer(
            Some(204),
            &[("Nats-Last-Sequence", before), ("Nats-Num-Pending", pending)],
        )
    }

    #[test]
    fn an_answer_without_holes_is_taken_to_its_end() {
        let Answer::Message(stored) = take(&message("7", "0"), 0).unwrap() else {
            panic!("a message")
        };
        assert_eq!((stored.sequence, &*stored.subject), (7, "evt.user.ann"));
        assert_eq!(stored.stored_at.timestamp_millis() % 1_000, 500);
        assert_eq!(take(&end("7", "3"), 7).unwrap(), Answer::End { more: true });
        assert_eq!(take(&end("7", "0"), 7).unwrap(), Answer::End { more: false });
        assert_eq!(
            take(&answer(Some(404), &[]), 0).unwrap(),
            Answer::End { more: false }
        );
    }

    #[test]
    fn a_message_that_was_lost_on_the_way_is_noticed_also_when_it_was_the_last() {
        assert!(matches!(
            take(&message("9", "8"), 7),
            Err(ReadError::Hole { after: 7 })
        ));
        assert!(matches!(
            take(&end("8", "0"), 7),
            Err(ReadError::Hole { after: 7 })
        ));
    }

    #[test]
    fn what_is_neither_message_nor_end_is_an_error() {
        for odd in [
            answer(Some(408), &[]),
            answer(Some(503), &[]),
            answer(None, &[("Nats-Last-Sequence", "0")]),
        ] {
            assert!(matches!(take(&odd, 0), Err(ReadError::Refused(_))), "{odd:?}");
        }
    }
}
