//! How many streams there may be, and what those are told who come then.

use std::time::Duration;

use edge::{Settings, TrustedProxies};
use reqwest::Response;
use test_support::nats::NatsServer;
use test_support::sse::SseReader;

use crate::{LIMIT, Node, append, expect_exactly, open, shared, token};

/// That a client is sent away with a status that a browser comes back from, for longer than usual.
async fn expect_sent_away(reader: &mut SseReader) {
    assert_eq!(reader.status, 200);
    assert_eq!(reader.headers["content-type"], "text/event-stream");
    assert!(reader.next(LIMIT).await.is_none(), "the stream ends by itself");
    let text = reader.text();
    let retry = text
        .strip_prefix("retry: ")
        .and_then(|text| text.strip_suffix("\n\n"));
    let retry: u64 = retry.expect("a time and nothing else").parse().expect("a number");
    let usual = u64::try_from(Settings::default().retry_max.as_millis()).expect("a time");
    assert!(retry >= 2 * usual, "{retry}");
}

async fn started(reader: &mut SseReader) {
    reader.read_until(LIMIT, |text| text.contains("id: ")).await;
}

#[tokio::test]
async fn beyond_the_streams_of_a_user_or_of_the_edge_the_newest_is_told_to_come_back_later() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let node = Node::start(
        &log,
        Settings {
            max_streams: 3,
            max_streams_per_user: 2,
            ..Settings::default()
        },
    )
    .await;
    let mut first = node.connect("ann").await;
    let mut second = node.connect("ann").await;
    started(&mut first).await;
    started(&mut second).await;
    expect_sent_away(&mut node.connect("ann").await).await;
    let mut third = node.connect("bob").await;
    started(&mut third).await;
    expect_sent_away(&mut node.connect("cem").await).await;
    append(&log, &[shared("to all who are there")]).await;
    for reader in [&mut first, &mut second, &mut third] {
        assert_eq!(
            reader.next(LIMIT).await.expect("nobody was thrown out").data,
            "to all who are there"
        );
    }
    drop(first);
    node.has_streams(2).await;
    expect_exactly(&mut node.connect("ann").await, &log, &[]).await;
}

async fn from(node: &Node, forwarded_for: &str) -> Response {
    let request = reqwest::Client::new()
        .get(&node.url)
        .bearer_auth(token("ann"))
        .header("x-forwarded-for", forwarded_for);
    request.send().await.expect("an answer")
}

/// Whether it goes on beyond its first bytes, which both kinds of answers have.
async fn is_served(response: &mut Response) -> bool {
    let first = response.chunk().await.expect("no error").expect("some bytes");
    std::str::from_utf8(&first).expect("text").contains("id: ")
}

#[tokio::test]
async fn the_limit_for_an_address_believes_only_proxies_that_are_trusted() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    for (proxies, others_are_served) in [("127.0.0.0/8", true), ("10.0.0.0/8", false)] {
        let trusted_proxies = TrustedProxies::of([proxies]).expect("a network");
        let node = Node::start(
            &log,
            Settings {
                max_streams_per_address: 1,
                trusted_proxies,
                heartbeat: Duration::from_secs(3_600),
                ..Settings::default()
            },
        )
        .await;
        let mut first = from(&node, "203.0.113.5").await;
        assert!(is_served(&mut first).await);
        assert!(
            !is_served(&mut from(&node, "192.0.2.1, 203.0.113.5").await).await,
            "the same address"
        );
        let mut other = from(&node, "203.0.113.6").await;
        assert_eq!(
            is_served(&mut other).await,
            others_are_served,
            "trusting {proxies}"
        );
    }
}
