//! One answer: gathered by a stream, as far as there is something.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use proto_schemas::Cursor;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use utoipa::ToSchema;

use crate::batch::{Batch, Content, Rest};
use crate::block::Block;
use crate::frame::{self, Gap};
use crate::metrics::Later;
use crate::opening::Opened;
use crate::stream::Stream;

/// Bytes of events from which on no more are added.
const ENOUGH_BYTES: usize = 1024 * 1024;

/// How much longer than it wants to wait a poll waits for a log that has to be read. Without an answer nobody can say that
/// there is nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// What every event is, as an `EventSource` names what has no name of its own.
const MESSAGE: &str = "message";

/// What comes after a position.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventPage {
    /// In order; none when nothing came in time.
    events: Vec<PolledEvent>,
    /// The `after` of the next poll.
    #[schema(value_type = String, example = "k3v9x2ma.1031")]
    cursor: Cursor,
    /// Something is missing before the first event: the same as the data of `event: gap` in a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Gap>)]
    gap: Option<Box<RawValue>>,
}

/// An event, with what a client of the stream would get.
#[derive(Debug, Serialize, ToSchema)]
struct PolledEvent {
    /// Its id in a stream.
    #[schema(example = "k3v9x2ma.1027")]
    cursor: String,
    /// Always `message`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The same bytes as in a stream: a CloudEvent.
    #[schema(value_type = Object)]
    data: Box<RawValue>,
}

/// An answer that is being put together.
pub(super) struct Gathering {
    stream: Stream,
    events: Vec<PolledEvent>,
    gap: Option<Box<RawValue>>,
    bytes: usize,
    limit: usize,
}

impl PolledEvent {
    fn of(block: &Block) -> Self {
        let (cursor, data) = frame::message(block);
        let json = serde_json::from_str(&data);
        Self {
            cursor,
            kind: MESSAGE,
            // What somebody published by hand need not be JSON. As a string it is still what a stream's client gets.
            data: json.or_else(|_| to_raw_value(&data)).unwrap_or_default(),
        }
    }
}

impl Gathering {
    /// For an answer of so many events at most.
    pub(super) fn new(opened: Opened, limit: usize) -> Self {
        let Opened { stream, gap } = opened;
        Self {
            stream,
            events: Vec::new(),
            gap: gap.and_then(|gap| to_raw_value(&gap).ok()),
            bytes: 0,
            limit,
        }
    }

    /// Waits for something, but no longer than `wait`.
    ///
    /// # Errors
    ///
    /// When the log has to be read and does not answer.
    pub(super) async fn page(mut self, wait: Duration) -> Result<EventPage, Later> {
        let in_time = tokio::time::timeout(wait, poll_fn(|context| self.poll_something(context))).await;
        if in_time.is_err() {
            let answered = poll_fn(|context| self.poll_answered(context));
            let answered = tokio::time::timeout(PATIENCE, answered).await;
            answered.map_err(|_| Later::Nats)?;
        }
        let cursor = self.stream.cursor();
        Ok(EventPage {
            events: self.events,
            cursor,
            gap: self.gap,
        })
    }

    /// Ready when there is something to answer and no more of it just now, or when the node ends.
    fn poll_something(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.events.len() < self.limit && self.bytes < ENOUGH_BYTES {
            let mut batch = Batch::of(self.limit - self.events.len());
            let filled = self.stream.poll_fill(context, &mut batch);
            match batch.content() {
                Content::Events(_) => {
                    for block in batch.blocks() {
                        self.bytes += block.chunk().len();
                        self.events.push(PolledEvent::of(block));
                    }
                }
                // It stands before the events. What was gathered goes first, and the next poll finds it again.
                Content::Gap(_) if self.has_something() => return Poll::Ready(()),
                Content::Gap(_) => {
                    let gap = batch.blocks().next().map(frame::message);
                    self.gap = gap.and_then(|(_, gap)| RawValue::from_string(gap).ok());
                }
                Content::Words if batch.rest() == Rest::End => return Poll::Ready(()),
                Content::Words if self.has_something() => return Poll::Ready(()),
                // Nothing, or a heartbeat, for which there is no use here.
                Content::Words if filled.is_pending() || !batch.is_empty() => return Poll::Pending,
                Content::Words => return Poll::Ready(()),
            }
            self.stream.advance(&batch, batch.len());
        }
        Poll::Ready(())
    }

    /// Ready when it is also certain that there is nothing.
    fn poll_answered(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self.poll_something(context) {
            Poll::Pending if self.stream.is_reading() => Poll::Pending,
            _ => Poll::Ready(()),
        }
    }

    fn has_something(&self) -> bool {
        !self.events.is_empty() || self.gap.is_some()
    }
}
