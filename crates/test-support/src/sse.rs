//! A client of the event stream that records what it got, and can be cut off at any moment.
//!
//! Events are told apart by an independent parser (the `eventsource-stream` crate). That one forgets ids that come
//! without data, which browsers do not: as the [standard][spec] has it, a block with only an `id:` moves the last event
//! id and dispatches nothing. So the ids are also read here, from the bytes.
//!
//! [spec]: https://html.spec.whatwg.org/multipage/server-sent-events.html#dispatchMessage

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eventsource_stream::{Event, EventStreamError, Eventsource as _};
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

type Events = Pin<Box<dyn Stream<Item = Result<Event, EventStreamError<reqwest::Error>>> + Send>>;

/// One connection to an event stream. Dropping it closes the socket.
pub struct SseReader {
    /// The status of the response.
    pub status: StatusCode,
    /// The headers of the response.
    pub headers: HeaderMap,
    events: Events,
    heard: Arc<Mutex<Heard>>,
    taken: usize,
}

/// How to connect.
#[derive(Debug, Clone, Default)]
pub struct Connect {
    /// Sent as `Authorization: Bearer`.
    pub token: Option<String>,
    /// Sent as `Last-Event-ID`, as a browser does when it reconnects.
    pub last_event_id: Option<String>,
}

/// What was read so far, byte by byte.
#[derive(Default)]
struct Heard {
    bytes: Vec<u8>,
    line_start: usize,
    /// Of the block that is being read.
    block: Block,
    /// Events so far.
    events: usize,
    /// The ids in the order in which they came, each with the number of events up to and including its block.
    ids: Vec<(usize, String)>,
}

#[derive(Default)]
struct Block {
    id: Option<String>,
    has_data: bool,
}

impl SseReader {
    /// Sends the request and waits for the head of the response.
    ///
    /// # Panics
    ///
    /// When no HTTP response comes.
    pub async fn connect(url: &str, how: &Connect) -> Self {
        let mut request = reqwest::Client::new()
            .get(url)
            .header("accept", "text/event-stream");
        if let Some(token) = &how.token {
            request = request.bearer_auth(token);
        }
        if let Some(id) = &how.last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.expect("the edge answers");
        let before = how.last_event_id.iter().map(|id| (0, id.clone())).collect();
        let heard = Arc::new(Mutex::new(Heard {
            ids: before,
            ..Heard::default()
        }));
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes_stream().inspect_ok({
            let heard = Arc::clone(&heard);
            move |chunk| heard.lock().expect("no reader panicked").take(chunk)
        });
        Self {
            status,
            headers,
            events: Box::pin(bytes.eventsource()),
            heard,
            taken: 0,
        }
    }

    /// The next event with data; nothing when the server ended the stream or the connection broke.
    ///
    /// # Panics
    ///
    /// When none comes within `limit`, or what comes is no event stream.
    pub async fn next(&mut self, limit: Duration) -> Option<Event> {
        match tokio::time::timeout(limit, self.events.next()).await {
            Ok(Some(Ok(event))) => {
                self.taken += 1;
                Some(event)
            }
            Ok(None | Some(Err(EventStreamError::Transport(_)))) => None,
            Ok(Some(Err(error))) => panic!("the server sent no event stream: {error}"),
            Err(_) => panic!("no event within {limit:?}; so far:\n{}", self.text()),
        }
    }

    /// The next `count` events with data.
    ///
    /// # Panics
    ///
    /// When they do not come within `limit` each, or the stream ends before.
    pub async fn take(&mut self, count: usize, limit: Duration) -> Vec<Event> {
        let mut taken = Vec::with_capacity(count);
        while taken.len() < count {
            let next = self.next(limit).await;
            taken.push(next.unwrap_or_else(|| panic!("the stream ended after {} events", taken.len())));
        }
        taken
    }

    /// Reads on until the bytes so far satisfy `condition`, which is tried after each piece that arrives. Events in
    /// between are returned.
    ///
    /// # Panics
    ///
    /// When the condition does not hold within `limit`, or the stream ends before.
    pub async fn read_until(&mut self, limit: Duration, condition: impl Fn(&str) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        let deadline = tokio::time::Instant::now() + limit;
        while !condition(&self.text()) {
            // The parser answers only when an event is complete, so a bounded wait looks at the bytes in between.
            let step = tokio::time::timeout(Duration::from_millis(10), self.events.next()).await;
            match step {
                Ok(Some(Ok(event))) => {
                    self.taken += 1;
                    events.push(event);
                }
                Ok(_) => panic!("the stream ended; so far:\n{}", self.text()),
                Err(_) if tokio::time::Instant::now() < deadline => {}
                Err(_) => panic!("not within {limit:?}; so far:\n{}", self.text()),
            }
        }
        events
    }

    /// Everything that arrived so far, as it was sent.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().expect("no reader panicked").bytes).into_owned()
    }

    /// The id that a browser would send when it reconnects now, having got the events that were taken here and no
    /// others: more may have arrived together with them.
    pub fn last_event_id(&self) -> Option<String> {
        let heard = self.heard.lock().expect("no reader panicked");
        let known = heard.ids.iter().take_while(|(events, _)| *events <= self.taken);
        known.last().map(|(_, id)| id.clone())
    }
}

impl Heard {
    fn take(&mut self, chunk: &[u8]) {
        for &byte in chunk {
            self.bytes.push(byte);
            if byte == b'\n' {
                self.end_of_line();
            }
        }
    }

    /// An id counts from the end of its block on: a client that was cut off before has not got the event either.
    fn end_of_line(&mut self) {
        let line = &self.bytes[self.line_start..self.bytes.len() - 1];
        if let Some(id) = line.strip_prefix(b"id: ") {
            self.block.id = Some(String::from_utf8_lossy(id).into_owned());
        } else if line.starts_with(b"data:") {
            self.block.has_data = true;
        } else if line.is_empty() {
            let Block { id, has_data } = std::mem::take(&mut self.block);
            self.events += usize::from(has_data);
            self.ids.extend(id.map(|id| (self.events, id)));
        }
        self.line_start = self.bytes.len();
    }
}
