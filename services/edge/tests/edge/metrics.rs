//! What a node counts and measures, as it is read from its admin port.

mod deliveries;
mod streams;
mod tail;

use std::time::Duration;

use event_log::Record;
use service_kit::http::Listener;
use service_kit::metrics;
use test_support::sse::SseReader;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::sockets::large_payloads;
use crate::{LIMIT, Node, own};

/// The admin port of a node.
struct Admin {
    url: String,
    _end: DropGuard,
}

impl Admin {
    async fn of(node: &Node) -> Self {
        let mut registry = metrics::registry("0.0.0");
        node.edge.register(&mut registry);
        let listener = Listener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/metrics", listener.address());
        let end = CancellationToken::new();
        tokio::spawn(listener.serve(metrics::router(registry), end.clone()));
        Self {
            url,
            _end: end.drop_guard(),
        }
    }

    async fn text(&self) -> String {
        let answer = reqwest::get(&self.url).await.expect("an answer");
        answer.text().await.expect("text")
    }

    /// The value of a series, without its `lastcall_edge_`.
    async fn value(&self, series: &str) -> f64 {
        let text = self.text().await;
        let line = format!("lastcall_edge_{series} ");
        let value = text.lines().find_map(|other| other.strip_prefix(&line));
        let value = value.unwrap_or_else(|| panic!("no {series} in\n{text}"));
        value.parse().expect("a number")
    }

    /// Events that were not delivered live, wherever they were found.
    async fn replayed(&self) -> f64 {
        self.value("events_replayed_total{source=\"log\"}").await
            + self.value("events_replayed_total{source=\"window\"}").await
    }

    /// Waits until a series has this value: what a client has read is counted only a moment later.
    async fn reaches(&self, series: &str, value: f64) {
        self.satisfies(series, |found| found == value).await;
    }

    async fn satisfies(&self, series: &str, condition: impl Fn(f64) -> bool) {
        let mut found = f64::NAN;
        let reached = async {
            loop {
                found = self.value(series).await;
                if condition(found) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let reached = tokio::time::timeout(LIMIT, reached).await;
        assert!(reached.is_ok(), "{series} is {found} in\n{}", self.text().await);
    }
}

/// Far more than a socket takes whose other end does not read.
fn large_events() -> Vec<Record> {
    let payloads = large_payloads();
    payloads.iter().map(|payload| own("ann", payload)).collect()
}

async fn begun(mut reader: SseReader) -> SseReader {
    reader.read_until(LIMIT, |text| text.contains("id: ")).await;
    reader
}
