//! What the clients come to: a log and two edges, each a process that is killed, drained and started again.

use std::net::SocketAddr;
use std::time::Duration;

use chrono::TimeDelta;
use event_log::{EventLog, Record};
use proto_schemas::{Recipient, UserId};
use rustix::process::Signal;
use service_kit::auth::{self, TokenIssuer};
use service_kit::secret::Secret;
use test_support::lastcall::{Lastcall, Process};
use test_support::nats::NatsServer;
use test_support::ports::free_port;
use test_support::proxy::{Behind, Node};
use uuid::Uuid;

const KEY: &str = "a key that only these tests believe in";

/// A log with two edges.
pub(crate) struct Site {
    pub(crate) nats: NatsServer,
    pub(crate) log: EventLog,
    pub(crate) edges: [Edge; 2],
}

/// An edge, which may be down.
pub(crate) struct Edge {
    pub(crate) node: Node,
    lastcall: Lastcall,
    process: Option<Process>,
}

impl Site {
    /// Starts everything, the edges with these settings besides, and waits until they are ready.
    pub(crate) async fn start(settings: &[String]) -> Self {
        let nats = NatsServer::start().await;
        let log_settings = event_log::Settings {
            url: nats.url(),
            ack_timeout: Duration::from_secs(5),
            ..event_log::Settings::default()
        };
        let log = EventLog::open(&log_settings).await.unwrap();
        let lastcall = Lastcall::new(env!("CARGO_BIN_EXE_lastcall"))
            .with([
                format!("--set=nats.url={}", nats.url()),
                format!("--set=auth.hs256_key={KEY}"),
                "--set=edge.trusted_proxies=127.0.0.1".to_owned(),
                // Nobody is here to be spread over a longer time.
                "--set=edge.retry_min=200ms".to_owned(),
                "--set=edge.retry_max=600ms".to_owned(),
            ])
            .with(settings);
        let mut edges = [Edge::new(&lastcall), Edge::new(&lastcall)];
        for edge in &mut edges {
            edge.start().await;
        }
        Self { nats, log, edges }
    }

    /// For a proxy in front of the edges, and of an inbox that may be any server.
    pub(crate) fn behind(&self, inbox: SocketAddr, page_origin: Option<String>) -> Behind {
        Behind {
            edges: self.edges.iter().map(|edge| edge.node).collect(),
            inbox: Node {
                http: inbox,
                admin: inbox,
            },
            page_origin,
        }
    }

    pub(crate) async fn append(&self, records: &[Record]) {
        let appended = self.log.append(records).await.unwrap();
        assert_eq!(appended.confirmed(), records.len() as u64);
    }
}

impl Edge {
    /// On ports that stay its own, also while it is down.
    fn new(lastcall: &Lastcall) -> Self {
        let [http, admin] = [free_port(), free_port()].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        Self {
            node: Node { http, admin },
            lastcall: lastcall.with([format!("--set=admin.listen={admin}")]),
            process: None,
        }
    }

    pub(crate) async fn start(&mut self) {
        let http = format!("--http={}", self.node.http);
        let process = self.process.insert(self.lastcall.start(["edge", &http]));
        process
            .answers(&format!("http://{}/readyz", self.node.admin))
            .await;
    }

    /// As `kill -9` does it.
    pub(crate) async fn kill(&mut self) {
        self.process.take().unwrap().kill().await;
    }

    /// Tells it to end, and goes on while it does.
    pub(crate) fn begin_to_end(&self) {
        self.process.as_ref().unwrap().signal(Signal::TERM);
    }

    pub(crate) async fn has_ended(&mut self) {
        let ended = self.process.take().unwrap().ended().await;
        assert!(ended.success(), "{ended}");
    }
}

pub(crate) fn token(user: &str) -> String {
    let settings = auth::Settings {
        hs256_key: Some(Secret::new(KEY)),
        ..auth::Settings::default()
    };
    let issuer = TokenIssuer::new(&settings).unwrap();
    let user = UserId::new(user).unwrap();
    issuer.issue(&user, TimeDelta::hours(1)).unwrap()
}

pub(crate) fn own(user: &str, payload: String) -> Record {
    record(Recipient::User(UserId::new(user).unwrap()), payload)
}

pub(crate) fn shared(payload: String) -> Record {
    record(Recipient::Everybody, payload)
}

fn record(recipient: Recipient, payload: String) -> Record {
    Record {
        recipient,
        id: Uuid::new_v4(),
        payload: payload.into(),
    }
}
