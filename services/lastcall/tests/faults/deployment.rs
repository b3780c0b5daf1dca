//! nats-server, edges and a proxy as processes, and between all of them networks that can fail.
//!
//! ```text
//! clients ── door ──▶ HAProxy ── front ──▶ edge ── back ──▶ ┐
//!                                     appender ── desk ───▶ ┴ trunk ──▶ nats-server
//! ```

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use event_log::EventLog;
use test_support::crowd::{Crowd, Member};
use test_support::history::Ledger;
use test_support::lastcall::{LIMIT, eventually};
use test_support::link::{Condition, Link};
use test_support::nats::NatsServer;
use test_support::proxy::{Behind, Kind, Node, Proxy};
use test_support::random::Random;
use test_support::stored_log;
use tokio::sync::Mutex;

use crate::edge_process::EdgeProcess;
use crate::timeline::Timeline;
use crate::tokens::{issuer, person, token};

pub(crate) const STREAM: &str = "EVENTS";

/// Networks over which clients reach the proxy. A fault concerns those of one.
const DOORS: usize = 4;

/// How clients spread over people: some have two tabs open.
const CLIENTS_OF_FIVE_PEOPLE: usize = 6;

/// Everything that runs. Leaves the logs of all processes in a folder when the test fails.
pub(crate) struct Deployment {
    pub(crate) timeline: Timeline,
    pub(crate) doors: Vec<Link>,
    pub(crate) edges: Vec<EdgeProcess>,
    pub(crate) desk: Link,
    pub(crate) trunk: Link,
    pub(crate) nats: Mutex<NatsServer>,
    proxy: Proxy,
    ledger: std::sync::Mutex<Ledger>,
    logs: PathBuf,
}

impl Deployment {
    /// Starts one edge for each list of settings. Nothing, where there is no HAProxy.
    pub(crate) async fn start(name: &str, edges: &[&[&str]]) -> Option<Self> {
        let nats = NatsServer::start().await;
        let trunk = Link::to(nats.address()).await;
        let mut running = Vec::new();
        for (number, settings) in (1..).zip(edges) {
            running.push(EdgeProcess::start(number, trunk.address(), settings).await);
        }
        let behind = Behind {
            edges: running.iter().map(EdgeProcess::node).collect(),
            inbox: nobody(),
            page_origin: None,
        };
        let proxy = Proxy::start(Kind::Haproxy, &behind).await?;
        let mut doors = Vec::new();
        for _ in 0..DOORS {
            doors.push(Link::to(proxy.address).await);
        }
        Some(Self {
            timeline: Timeline::new(),
            doors,
            edges: running,
            desk: Link::to(trunk.address()).await,
            trunk,
            nats: Mutex::new(nats),
            proxy,
            ledger: std::sync::Mutex::default(),
            logs: PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name),
        })
    }

    /// The log, as the appender reaches it.
    pub(crate) async fn open_log(&self) -> EventLog {
        let settings = event_log::Settings {
            url: format!("nats://{}", self.desk.address()),
            stream: STREAM.to_owned(),
            ack_timeout: Duration::from_secs(2),
            ..event_log::Settings::default()
        };
        EventLog::open(&settings).await.expect("the log opens")
    }

    /// How many people so many clients belong to.
    pub(crate) fn people(clients: usize) -> usize {
        (clients * 5).div_ceil(CLIENTS_OF_FIVE_PEOPLE)
    }

    /// Connects clients, and waits until each knows where it stands.
    pub(crate) async fn crowd(&self, clients: usize, random: &Random) -> Crowd {
        let issuer = issuer();
        let member = |number: usize| {
            let recipient = person(number % Self::people(clients));
            Member {
                address: self.doors[number % DOORS].address(),
                path: "/v1/stream".to_owned(),
                token: token(&issuer, &recipient),
                own: recipient.subject(),
            }
        };
        let log = self.open_log().await;
        let members = (0..clients).map(member).collect();
        let crowd = Crowd::start(members, log.epoch().as_str(), self.timeline.begun, random);
        eventually("all clients are connected", async || {
            (crowd.standing(|position| position.is_some()) == clients).then_some(())
        })
        .await;
        crowd
    }

    /// What the log held, as far as that was read.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what the log has that is not in the ledger yet.
    pub(crate) async fn read_log(&self, nats: &NatsServer) {
        let after = self.ledger().last_sequence();
        let messages = stored_log::read(nats, STREAM, after).await;
        let mut ledger = self.ledger();
        for message in messages {
            ledger.store(message.sequence, &message.subject, &message.payload);
        }
    }

    /// Starts the killed server again, and learns what is left of the log before anybody else can come near it.
    pub(crate) async fn bring_back(&self, nats: &mut NatsServer) {
        self.trunk.set(Condition::Down);
        nats.restart().await;
        let (_, lost) = self.learn(nats).await;
        assert_eq!(
            lost, 0,
            "messages that nats-server lost when only its process was killed"
        );
        self.trunk.set(Condition::Open);
    }

    /// Learns what is left of the log after a crash: its last sequence, and how many messages are gone that it had.
    pub(crate) async fn learn(&self, nats: &NatsServer) -> (u64, usize) {
        let last = stored_log::last_sequence(nats, STREAM).await;
        self.read_log(nats).await;
        let lost = self.ledger().come_back(last);
        self.timeline.note(format!(
            "nats-server is back; the log ends at {last} and lost {lost}"
        ));
        (last, lost)
    }

    /// Ends all faults, and waits until everything runs.
    pub(crate) async fn heal(&self) {
        let links = self.edges.iter().flat_map(|edge| [&edge.front, &edge.back]);
        let links = links.chain(&self.doors).chain([&self.desk, &self.trunk]);
        links.for_each(|link| link.set(Condition::Open));
        for edge in &self.edges {
            eventually(&format!("{} is back", edge.name), async || {
                edge.supervise(&self.timeline);
                edge.is_ready().await.then_some(())
            })
            .await;
        }
    }

    /// Waits until all clients have heard of the last message of the log. Says how many have not.
    pub(crate) async fn catch_up(&self, crowd: &Crowd) -> usize {
        self.read_log(&*self.nats.lock().await).await;
        let last = self.ledger().last_sequence();
        let behind = || crowd.standing(|position| position.is_none_or(|position| position < last));
        let waited = async {
            while behind() > 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let _ = tokio::time::timeout(LIMIT, waited).await;
        behind()
    }

    /// Notes what the edges that run have counted.
    pub(crate) async fn count(&self) {
        for edge in &self.edges {
            edge.count().await;
        }
    }

    /// How many events the edges replayed from their windows, and from the log.
    pub(crate) fn replayed(&self) -> [u64; 2] {
        ["window", "log"].map(|source| self.edges.iter().map(|edge| edge.resumed.from(source)).sum())
    }

    /// Makes sure that the log held what it acknowledged, and holds nothing twice.
    pub(crate) fn check_log(&self) {
        let ledger = self.ledger();
        let missing = ledger.missing();
        assert_eq!(
            missing, 0,
            "acknowledged events that the log was never seen to have"
        );
        assert_eq!(ledger.repeated(), 0, "events that the log has twice");
    }

    /// Where the logs of the processes are, once they are kept.
    pub(crate) fn keep_logs(&self) -> &PathBuf {
        let keep = |name: String, text: &str| {
            // Another failure is being told about already.
            let _ = fs::write(self.logs.join(name), text);
        };
        let _ = fs::create_dir_all(&self.logs);
        for edge in &self.edges {
            keep(format!("{}.log", edge.name), &edge.log());
        }
        keep("haproxy.log".to_owned(), &self.proxy.log());
        if let Ok(nats) = self.nats.try_lock() {
            keep("nats-server.log".to_owned(), &nats.log());
        }
        let all = self.timeline.between(Duration::ZERO, Duration::MAX);
        keep("timeline.log".to_owned(), &all);
        &self.logs
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("logs of all processes: {}", self.keep_logs().display());
        }
    }
}

/// No client of this test asks for anything but streams.
fn nobody() -> Node {
    let address = SocketAddr::from(([127, 0, 0, 1], 9));
    Node {
        http: address,
        admin: address,
    }
}
