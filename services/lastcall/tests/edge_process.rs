//! An edge as a process of its own: what it asks of the system, and how it ends while clients are connected.

use std::time::Duration;

use rustix::process::Signal;
use test_support::lastcall::{Lastcall, Process, eventually};
use test_support::nats::NatsServer;
use test_support::sse::{Connect, SseReader};

const LIMIT: Duration = Duration::from_secs(60);

const CLIENTS: usize = 4;

/// An edge and its clients.
struct Edge {
    process: Process,
    url: String,
    admin: String,
    how: Connect,
    readers: Vec<SseReader>,
}

impl Edge {
    async fn start(nats: &NatsServer, drain: &str) -> Self {
        let lastcall = Lastcall::new(env!("CARGO_BIN_EXE_lastcall")).with([
            format!("--set=nats.url={}", nats.url()),
            format!("--set=edge.drain={drain}"),
            "--set=auth.hs256_key=a key that only this test believes in".to_owned(),
            "--set=admin.listen=127.0.0.1:0".to_owned(),
        ]);
        let mut process = lastcall.start(["edge", "--http=127.0.0.1:0"]);
        let url = format!("{}/v1/stream", process.said("listening on ").await);
        let admin = process.said("admin on ").await;
        eventually("the edge is ready", async || {
            let answer = reqwest::get(format!("{admin}/readyz")).await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        let how = Connect {
            token: Some(lastcall.token("ann").await),
            last_event_id: None,
        };
        let mut readers = Vec::new();
        for _ in 0..CLIENTS {
            let mut reader = SseReader::connect(&url, &how).await;
            reader.read_until(LIMIT, |text| text.contains("id: ")).await;
            readers.push(reader);
        }
        Self {
            process,
            url,
            admin,
            how,
            readers,
        }
    }

    /// That whoever balances clients over edges is told to send none here.
    async fn expect_not_ready(&self) {
        let answer = reqwest::get(format!("{}/readyz", self.admin)).await;
        let answer = answer.expect("the admin port answers");
        assert_eq!(answer.status(), 503);
        let told: serde_json::Value = answer.json().await.expect("JSON");
        assert_eq!(told["reason"], "ending", "{told}");
    }

    /// Tells it to end, and waits until the first of its clients has been sent away.
    async fn begin_to_end(&mut self) {
        self.process.signal(Signal::TERM);
        expect_sent_away(&mut self.readers.remove(0)).await;
    }
}

async fn expect_sent_away(reader: &mut SseReader) {
    assert!(reader.next(LIMIT).await.is_none(), "the stream ends");
    let text = reader.text();
    assert_eq!(text.matches("retry: ").count(), 2, "at first and at last: {text}");
}

#[tokio::test]
async fn an_edge_that_is_told_to_end_answers_until_its_last_stream_has_ended() {
    let nats = NatsServer::start().await;
    let mut edge = Edge::start(&nats, "128s").await;
    edge.begin_to_end().await;
    edge.expect_not_ready().await;
    let mut new = SseReader::connect(&edge.url, &edge.how).await;
    assert_eq!(new.status, 200, "a browser comes back from no other");
    assert!(new.next(LIMIT).await.is_none(), "sent away");
    assert!(new.text().starts_with("retry: "), "{}", new.text());
    for reader in &mut edge.readers {
        expect_sent_away(reader).await;
    }
    assert!(edge.process.ended().await.success());
}

/// Else a stream would now and then wait until the kernel has prepared two megabytes.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_edge_takes_its_memory_in_small_pages() {
    let nats = NatsServer::start().await;
    let edge = Edge::start(&nats, "1s").await;
    let status = format!("/proc/{}/status", edge.process.id());
    let status = std::fs::read_to_string(status).expect("the process is there");
    assert!(status.contains("THP_enabled:\t0"), "{status}");
}

#[tokio::test]
async fn a_second_signal_ends_an_edge_at_once() {
    let nats = NatsServer::start().await;
    let mut edge = Edge::start(&nats, "10h").await;
    edge.begin_to_end().await;
    assert!(
        !edge.process.stop(Signal::TERM).await.success(),
        "not as it should be"
    );
    for mut reader in edge.readers {
        assert!(reader.next(LIMIT).await.is_none(), "cut off");
    }
}
