//! One edge as a process, with a network of its own on either side, and a supervisor that starts it again.

use std::net::SocketAddr;
use std::time::Duration;

use rustix::process::Signal;
use test_support::lastcall::{Lastcall, Process, eventually};
use test_support::link::Link;
use test_support::ports::free_port;
use test_support::proxy::Node;
use tokio::sync::{Mutex, MutexGuard};

use crate::resumed::Resumed;
use crate::timeline::Timeline;
use crate::tokens::KEY;

const LOOPBACK: [u8; 4] = [127, 0, 0, 1];

/// An edge.
pub(crate) struct EdgeProcess {
    pub(crate) name: String,
    /// From the proxy to it.
    pub(crate) front: Link,
    /// From it to nats-server.
    pub(crate) back: Link,
    admin: SocketAddr,
    lastcall: Lastcall,
    process: Mutex<Option<Process>>,
    pub(crate) resumed: Resumed,
    /// What its processes wrote that have ended.
    log: std::sync::Mutex<String>,
}

impl EdgeProcess {
    /// Starts it on ports that it keeps.
    pub(crate) async fn start(number: usize, nats: SocketAddr, settings: &[&str]) -> Self {
        let (http, admin) = (free_port(), free_port());
        let back = Link::to(nats).await;
        let lastcall = Lastcall::new(env!("CARGO_BIN_EXE_lastcall"))
            .with([
                "edge".to_owned(),
                format!("--http=127.0.0.1:{http}"),
                format!("--set=admin.listen=127.0.0.1:{admin}"),
                format!("--set=nats.url=nats://{}", back.address()),
                "--set=nats.ack_timeout=2s".to_owned(),
                format!("--set=auth.hs256_key={KEY}"),
                // All clients of a test have one address.
                "--set=edge.max_streams_per_address=100000".to_owned(),
            ])
            .with(settings);
        let edge = Self {
            name: format!("edge {number}"),
            front: Link::to(SocketAddr::from((LOOPBACK, http))).await,
            back,
            admin: SocketAddr::from((LOOPBACK, admin)),
            process: Mutex::new(Some(lastcall.start::<&str>([]))),
            lastcall,
            resumed: Resumed::default(),
            log: std::sync::Mutex::default(),
        };
        edge.ready().await;
        edge
    }

    pub(crate) fn node(&self) -> Node {
        Node {
            http: self.front.address(),
            admin: self.admin,
        }
    }

    /// Whether it serves.
    pub(crate) async fn is_ready(&self) -> bool {
        let answer = reqwest::get(format!("http://{}/readyz", self.admin)).await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Waits until it serves.
    pub(crate) async fn ready(&self) {
        eventually(&format!("{} is ready", self.name), async || {
            self.is_ready().await.then_some(())
        })
        .await;
    }

    /// Ends it as `kill -9` does, and starts it again after so long.
    pub(crate) async fn kill(&self, down: Duration, timeline: &Timeline) {
        let mut process = self.process.lock().await;
        timeline.fault("edges killed", format!("{} is killed", self.name));
        self.end(&mut process, Signal::KILL).await;
        tokio::time::sleep(down).await;
        self.begin(&mut process);
        timeline.note(format!("{} starts", self.name));
    }

    /// Tells it to end, and starts it again once it has sent all of its clients away.
    pub(crate) async fn replace(&self, timeline: &Timeline) {
        let mut process = self.process.lock().await;
        timeline.fault("edges drained", format!("{} drains", self.name));
        self.end(&mut process, Signal::TERM).await;
        self.begin(&mut process);
        timeline.note(format!("{} has drained and starts", self.name));
    }

    /// Starts it again if it ended by itself: an edge does when it is started while there is no log.
    pub(crate) fn supervise(&self, timeline: &Timeline) {
        let Ok(mut process) = self.process.try_lock() else {
            return;
        };
        if let Some(status) = process.as_mut().and_then(Process::poll) {
            let said = process.as_ref().map(Process::stderr).unwrap_or_default();
            let last = said.lines().next_back().unwrap_or_default();
            timeline.fault(
                "edges that ended by themselves",
                format!("{} ended with {status}: {last}", self.name),
            );
            self.keep_log(&said);
            self.begin(&mut process);
        }
    }

    /// Notes what it has counted so far, before its process ends.
    pub(crate) async fn count(&self) {
        self.resumed.add(&format!("http://{}/metrics", self.admin)).await;
    }

    /// What it wrote so far.
    pub(crate) fn log(&self) -> String {
        let now = self.process.try_lock().ok();
        let now = now.and_then(|process| process.as_ref().map(Process::stderr));
        let before = self.log.lock().map(|log| log.clone());
        before.unwrap_or_default() + &now.unwrap_or_default()
    }

    async fn end(&self, process: &mut MutexGuard<'_, Option<Process>>, signal: Signal) {
        if let Some(mut running) = process.take() {
            if running.poll().is_none() {
                self.count().await;
                running.stop(signal).await;
            }
            self.keep_log(&running.stderr());
        }
    }

    fn begin(&self, process: &mut MutexGuard<'_, Option<Process>>) {
        **process = Some(self.lastcall.start::<&str>([]));
    }

    fn keep_log(&self, said: &str) {
        if let Ok(mut log) = self.log.lock() {
            log.push_str(said);
        }
    }
}
