//! The edge over real HTTP, on a log in a real nats-server.

mod contract;
mod description;
mod document;
mod drain;
mod expiry;
mod forgery;
mod limits;
mod metrics;
mod outages;
mod polls;
mod privacy;
mod reconnect;
mod sockets;
mod tickets;
mod versions;
mod window;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use edge::{Edge, Settings, TailError};
use event_log::{EventLog, Record};
use eventsource_stream::Event;
use proto_schemas::{Recipient, UserId};
use service_kit::auth::{self, Authenticator, TokenIssuer};
use service_kit::http::Listener;
use service_kit::secret::Secret;
use test_support::nats::NatsServer;
use test_support::sse::{Connect, SseReader};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Far above what anything here takes, also on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

const KEY: &str = "a key that only these tests believe in";

/// A running edge node. Dropping it ends its streams.
struct Node {
    url: String,
    edge: Edge,
    cancel: CancellationToken,
    tail: JoinHandle<Result<(), TailError>>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Node {
    /// Starts a node and waits until it serves.
    async fn start(log: &EventLog, settings: Settings) -> Self {
        let node = Self::start_unready(log, settings).await;
        node.is_ready().await;
        node
    }

    async fn start_unready(log: &EventLog, settings: Settings) -> Self {
        let listener = Listener::bind("127.0.0.1:0").await.expect("a free port");
        Self::start_on(listener, log, settings)
    }

    /// Starts a node that answers there.
    fn start_on(listener: Listener, log: &EventLog, settings: Settings) -> Self {
        let edge = Edge::new(log.clone(), settings).expect("valid settings");
        let url = format!("{}/v1/stream", listener.url());
        let authenticator = Authenticator::new(&auth_settings()).expect("a key");
        let (cancel, drained) = (CancellationToken::new(), CancellationToken::new());
        let router = edge::router(edge.clone(), Arc::new(authenticator));
        let server = tokio::spawn(listener.serve(router, drained.clone()));
        let tail = tokio::spawn({
            let (edge, cancel) = (edge.clone(), cancel.clone());
            async move {
                let ended = edge.run(cancel).await;
                drained.cancel();
                ended
            }
        });
        Self {
            url,
            edge,
            cancel,
            tail,
            server,
        }
    }

    /// Waits until it serves.
    async fn is_ready(&self) {
        let ready = async {
            while !self.edge.ready() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(LIMIT, ready)
            .await
            .expect("the edge becomes ready");
    }

    /// Where it listens, as `host:port`.
    fn address(&self) -> &str {
        let rest = self.url.strip_prefix("http://").expect("an http address");
        rest.split('/').next().expect("a host")
    }

    /// Waits until so many streams are open.
    async fn has_streams(&self, count: usize) {
        let counted = async {
            while self.edge.streams() != count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(LIMIT, counted).await;
        assert!(
            waited.is_ok(),
            "{} streams instead of {count}",
            self.edge.streams()
        );
    }

    /// Connects as a user without saying from where.
    async fn connect(&self, user: &str) -> SseReader {
        self.connect_with(user, "").await
    }

    /// Connects as a user with a query such as `?from=earliest`.
    async fn connect_with(&self, user: &str, query: &str) -> SseReader {
        let how = Connect {
            token: Some(token(user)),
            last_event_id: None,
        };
        SseReader::connect(&format!("{}{query}", self.url), &how).await
    }

    /// Connects as a browser does that was connected before.
    async fn reconnect(&self, user: &str, last_event_id: &str) -> SseReader {
        let how = Connect {
            token: Some(token(user)),
            last_event_id: Some(last_event_id.to_owned()),
        };
        SseReader::connect(&self.url, &how).await
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

fn auth_settings() -> auth::Settings {
    auth::Settings {
        hs256_key: Some(Secret::new(KEY)),
        ..auth::Settings::default()
    }
}

fn token(user: &str) -> String {
    token_for(user, TimeDelta::hours(1))
}

/// A token that ends after so long.
fn token_for(user: &str, lifetime: TimeDelta) -> String {
    let issuer = TokenIssuer::new(&auth_settings()).expect("a key");
    issuer.issue(&user_id(user), lifetime).expect("a token")
}

fn user_id(user: &str) -> UserId {
    UserId::new(user).expect("a user id")
}

async fn open(server: &NatsServer) -> EventLog {
    let opened = EventLog::open(&log_settings(server)).await;
    opened.expect("the log opens")
}

fn log_settings(server: &NatsServer) -> event_log::Settings {
    event_log::Settings {
        url: server.url(),
        ack_timeout: Duration::from_secs(2),
        ..event_log::Settings::default()
    }
}

/// A window that holds next to nothing: whoever missed something gets it from the log.
fn tiny_window() -> Settings {
    Settings {
        window_bytes: 1_000,
        replay_batch: 7,
        ..Settings::default()
    }
}

fn own(user: &str, payload: &str) -> Record {
    record(Recipient::User(user_id(user)), payload)
}

fn shared(payload: &str) -> Record {
    record(Recipient::Everybody, payload)
}

fn record(recipient: Recipient, payload: &str) -> Record {
    Record {
        recipient,
        id: Uuid::new_v4(),
        payload: payload.to_owned().into(),
    }
}

async fn append(log: &EventLog, records: &[Record]) {
    log.append(records).await.expect("the log takes them");
}

/// Events for ann, bob and everybody in turn, numbered.
fn mixed(range: std::ops::Range<u32>) -> Vec<Record> {
    let one = |number: u32| match number % 3 {
        0 => own("ann", &format!("ann {number}")),
        1 => own("bob", &format!("bob {number}")),
        _ => shared(&format!("all {number}")),
    };
    range.map(one).collect()
}

/// What ann gets of them.
fn for_ann(range: std::ops::Range<u32>) -> Vec<String> {
    let one = |number: u32| match number % 3 {
        0 => Some(format!("ann {number}")),
        1 => None,
        _ => Some(format!("all {number}")),
    };
    range.filter_map(one).collect()
}

fn data(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.data.as_str()).collect()
}

/// Reads exactly these events, and makes sure that nothing else comes before one that is sent afterwards.
async fn expect_exactly(reader: &mut SseReader, log: &EventLog, expected: &[String]) {
    let events = reader.take(expected.len(), LIMIT).await;
    assert_eq!(data(&events), expected);
    append(log, &[shared("the end")]).await;
    assert_eq!(
        reader.next(LIMIT).await.expect("the stream goes on").data,
        "the end"
    );
}

/// Deletes what the log has before this sequence, as retention does.
async fn purge_before(server: &NatsServer, sequence: u64) {
    let request = format!("{{\"seq\": {sequence}}}");
    let purged = server
        .request("$JS.API.STREAM.PURGE.EVENTS", request.as_bytes())
        .await;
    assert!(purged.contains("\"success\":true"), "{purged}");
}
