//! nats-server, a projector and two inboxes as processes, and somebody who tells a person things.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use event_log::{EventLog, Record};
use proto_schemas::events::{timestamp, v1};
use proto_schemas::{CloudEvent, Event, Recipient, UserId};
use rustix::process::Signal;
use service_kit::auth::{Settings, TokenIssuer};
use service_kit::secret::Secret;
use tempfile::TempDir;
use test_support::lastcall::{Lastcall, Process, TOKEN_KEY, eventually};
use test_support::link::{Condition, Link};
use test_support::nats::NatsServer;
use test_support::ports::free_port;
use test_support::random::Random;
use test_support::stored_log::{self, Message};
use tokio::sync::Mutex;
use uuid::Uuid;

const STREAM: &str = "EVENTS";
const TOKEN_LIFE: TimeDelta = TimeDelta::days(1);
const INBOXES: usize = 2;

/// Every so many things are told to everybody.
const ANNOUNCED: usize = 10;

/// Fundings that things are about, so that one can be muted.
pub(crate) const FUNDINGS: usize = 4;

/// Everything that runs.
pub(crate) struct Site {
    nats: Mutex<NatsServer>,
    projector: Mutex<Process>,
    inboxes: Vec<(SocketAddr, Mutex<Process>)>,
    lastcall: Lastcall,
    faults: AtomicUsize,
    _folder: TempDir,
}

/// The person whose inbox it is.
pub(crate) fn person() -> UserId {
    UserId::new("person 1@shop").expect("a user id")
}

pub(crate) fn token() -> String {
    let settings = Settings {
        hs256_key: Some(Secret::new(TOKEN_KEY)),
        ..Settings::default()
    };
    let issuer = TokenIssuer::new(&settings).expect("a key");
    issuer.issue(&person(), TOKEN_LIFE).expect("a token")
}

impl Site {
    pub(crate) async fn start() -> Self {
        let nats = NatsServer::start().await;
        let folder = TempDir::new().expect("a folder for the database");
        let database = format!("sqlite:{}", folder.path().join("lastcall.db").display());
        let lastcall = Lastcall::new(env!("CARGO_BIN_EXE_lastcall"))
            .with(["--set=nats.ack_timeout=2s", "--set=inbox.at_least_wait=2s"])
            .deployed_on(&nats, &database)
            .await;
        let mut inboxes = Vec::new();
        for _ in 0..INBOXES {
            let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
            inboxes.push((address, Mutex::new(serve(&lastcall, address))));
        }
        let site = Self {
            nats: Mutex::new(nats),
            projector: Mutex::new(lastcall.start(["projector"])),
            inboxes,
            lastcall,
            faults: AtomicUsize::new(0),
            _folder: folder,
        };
        site.heal().await;
        site
    }

    /// A network of a client's own to one of the inboxes.
    pub(crate) async fn link(&self, client: usize) -> Link {
        Link::to(self.inboxes[client % INBOXES].0).await
    }

    /// Tells the person so many things in so long, some of them to everybody.
    pub(crate) async fn tell(&self, things: usize, during: Duration, mut random: Random) {
        let log = self.open_log().await;
        let pause = during / u32::try_from(things).expect("not so many");
        for thing in 0..things {
            let (recipient, event) = if thing % ANNOUNCED == 0 {
                (Recipient::Everybody, announced(thing))
            } else {
                let funding = random.below(FUNDINGS);
                (Recipient::User(person()), closing(thing, funding))
            };
            let id = Uuid::new_v4();
            let told = CloudEvent {
                id,
                source: "/test".to_owned(),
                time: Utc::now(),
                expiry_time: None,
                event,
            };
            let record = Record {
                recipient,
                id,
                payload: told.to_json().expect("an event").into(),
            };
            // The same id: whatever was stored of an attempt that failed is not stored again.
            eventually("it is told", async || {
                log.append(std::slice::from_ref(&record)).await.ok()
            })
            .await;
            tokio::time::sleep(pause).await;
        }
    }

    /// Kills processes and breaks networks until an instant, one thing at a time.
    pub(crate) async fn fail(&self, until: Instant, mut random: Random, links: impl Iterator<Item = &Link>) {
        let links: Vec<&Link> = links.collect();
        let (short, long) = (Duration::from_millis(100), Duration::from_millis(900));
        while Instant::now() < until {
            tokio::time::sleep(random.between(short, long)).await;
            let link = links[random.below(links.len())];
            let lasting = random.between(short, long * 2);
            match random.below(8) {
                0 => self.kill_inbox(random.below(INBOXES)).await,
                1 => self.kill_projector(lasting).await,
                2 => {
                    let mut nats = self.nats.lock().await;
                    nats.kill().await;
                    tokio::time::sleep(short).await;
                    nats.restart().await;
                }
                3 | 4 => link.cut(),
                5 => during(link, Condition::Silent, lasting).await,
                6 => during(link, Condition::Down, lasting).await,
                _ => during(link, Condition::Slow(short), lasting).await,
            }
            self.faults.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn faults(&self) -> usize {
        self.faults.load(Ordering::Relaxed)
    }

    async fn kill_inbox(&self, which: usize) {
        let (address, process) = &self.inboxes[which];
        let mut process = process.lock().await;
        process.stop(Signal::KILL).await;
        *process = serve(&self.lastcall, *address);
    }

    async fn kill_projector(&self, down: Duration) {
        let mut process = self.projector.lock().await;
        process.stop(Signal::KILL).await;
        tokio::time::sleep(down).await;
        *process = self.lastcall.start(["projector"]);
    }

    /// Waits until everything runs. What was started while there was no nats-server has ended, and is started again.
    pub(crate) async fn heal(&self) {
        for (address, process) in &self.inboxes {
            eventually("an inbox answers", async || {
                let mut process = process.lock().await;
                if process.poll().is_some() {
                    *process = serve(&self.lastcall, *address);
                }
                let answer = reqwest::get(format!("http://{address}/v1/openapi.json")).await;
                answer
                    .is_ok_and(|answer| answer.status().is_success())
                    .then_some(())
            })
            .await;
        }
        let mut projector = self.projector.lock().await;
        if projector.poll().is_some() {
            *projector = self.lastcall.start(["projector"]);
        }
    }

    /// Everything that was stored.
    pub(crate) async fn log(&self) -> Vec<Message> {
        let nats = self.nats.lock().await;
        stored_log::read(&nats, STREAM, 0).await
    }

    async fn open_log(&self) -> EventLog {
        let settings = event_log::Settings {
            url: self.nats.lock().await.url(),
            stream: STREAM.to_owned(),
            ack_timeout: Duration::from_secs(2),
            ..event_log::Settings::default()
        };
        EventLog::open(&settings).await.expect("the log opens")
    }
}

fn serve(lastcall: &Lastcall, address: SocketAddr) -> Process {
    lastcall.start(["inbox".to_owned(), format!("--http={address}")])
}

async fn during(link: &Link, condition: Condition, lasting: Duration) {
    link.set(condition);
    tokio::time::sleep(lasting).await;
    link.set(Condition::Open);
}

fn words(thing: usize) -> v1::Words {
    v1::Words {
        locale: "en".to_owned(),
        title: format!("Thing {thing}"),
        body: "It is about to end.".to_owned(),
    }
}

fn closing(thing: usize, funding: usize) -> Event {
    let closing = v1::FundingClosing {
        funding_id: format!("f{funding}"),
        funding_title: format!("Funding {funding}"),
        closes_at: Some(timestamp(Utc::now())),
        words: Some(words(thing)),
    };
    closing.into()
}

fn announced(thing: usize) -> Event {
    let announced = v1::AnnouncementPosted {
        announcement_id: format!("n{thing}"),
        words: vec![words(thing)],
        link: None,
    };
    announced.into()
}
