//! Tokens that end while their streams are open.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use edge::Settings;
use event_log::EventLog;
use reqwest::StatusCode;
use serde_json::Value;
use service_kit::metrics;
use test_support::nats::NatsServer;
use test_support::sse::{Connect, SseReader};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{LIMIT, Node, append, expect_exactly, open, own, shared, token_for};

async fn connect(node: &Node, token: String, last_event_id: Option<String>) -> SseReader {
    let how = Connect {
        token: Some(token),
        last_event_id,
    };
    SseReader::connect(&node.url, &how).await
}

/// A socket on which somebody with this token has asked for a stream.
async fn ask(node: &Node, version: &str, token: &str) -> TcpStream {
    let mut socket = TcpStream::connect(node.address()).await.expect("a connection");
    let request =
        format!("GET /v1/stream HTTP/{version}\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    socket
        .write_all(request.as_bytes())
        .await
        .expect("the request goes out");
    socket
}

/// Everything up to the end of the connection.
async fn rest(socket: &mut TcpStream) -> String {
    let mut heard = String::new();
    let read = tokio::time::timeout(LIMIT, socket.read_to_string(&mut heard)).await;
    read.expect("it ends in time").expect("it ends properly");
    heard
}

#[tokio::test]
async fn a_client_is_told_ahead_of_the_end_of_its_token_and_goes_on_with_another_one() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let settings = Settings {
        reauth_ahead: Duration::from_secs(5),
        ..Settings::default()
    };
    let node = Node::start(&log, settings).await;
    let begun = Utc::now();
    let mut reader = connect(&node, token_for("ann", TimeDelta::seconds(10)), None).await;
    append(&log, &[own("ann", "before")]).await;
    assert_eq!(reader.next(LIMIT).await.expect("an event").data, "before");
    let reauth = reader.next(LIMIT).await.expect("the stream goes on");
    assert_eq!(
        (reauth.event.as_str(), reauth.id),
        ("reauth", log.epoch().at(1).to_string())
    );
    let told: Value = serde_json::from_str(&reauth.data).expect("JSON");
    let expires_at: DateTime<Utc> = told["expires_at"]
        .as_str()
        .expect("a time")
        .parse()
        .expect("a time");
    let lifetime = expires_at - begun;
    assert!(
        TimeDelta::seconds(9) <= lifetime && lifetime <= TimeDelta::seconds(30),
        "{lifetime}"
    );
    append(&log, &[own("ann", "still")]).await;
    assert_eq!(
        reader.next(LIMIT).await.expect("the stream goes on").data,
        "still"
    );
    assert!(reader.next(LIMIT).await.is_none(), "the stream ends");
    assert!(Utc::now() >= expires_at, "and not too early");
    let text = reader.text();
    assert_eq!(text.matches("event: reauth").count(), 1, "{text}");
    assert!(
        text.ends_with(&format!("id: {}\n\n", log.epoch().at(2))),
        "{text}"
    );
    append(&log, &[own("bob", "not hers"), own("ann", "meanwhile")]).await;
    let id = reader.last_event_id();
    let refused = connect(&node, token_for("ann", TimeDelta::seconds(-1)), id.clone()).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let mut again = connect(&node, token_for("ann", TimeDelta::hours(1)), id).await;
    expect_exactly(&mut again, &log, &["meanwhile".to_owned()]).await;
}

#[tokio::test]
async fn who_comes_with_a_token_that_ends_soon_is_told_right_behind_the_first_block() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &[own("ann", "old")]).await;
    let node = Node::start(&log, Settings::default()).await;
    let token = token_for("ann", TimeDelta::seconds(40));
    let mut reader = connect(&node, token, Some(log.epoch().at(0).to_string())).await;
    reader
        .read_until(LIMIT, |text| {
            text.contains("data: old\n") && text.ends_with("\n\n")
        })
        .await;
    let text = reader.text();
    let (first, rest) = text.split_once("\n\n").expect("a first block");
    let (start, old) = (log.epoch().at(0), log.epoch().at(1));
    assert!(
        first.starts_with("retry: ") && first.ends_with(&format!("\nid: {start}")),
        "{text}"
    );
    let reauth = "event: reauth\ndata: {\"expires_at\":\"";
    let rest = rest.strip_prefix(reauth).expect("then the word of the end");
    assert!(
        rest.ends_with(&format!("Z\"}}\nid: {start}\n\ndata: old\nid: {old}\n\n")),
        "{text}"
    );
}

#[tokio::test]
async fn a_stream_by_ticket_ends_with_the_token_that_the_ticket_was_made_of() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let node = Node::start(&log, Settings::default()).await;
    let made = reqwest::Client::new()
        .post(format!("{}/ticket", node.url))
        .bearer_auth(token_for("ann", TimeDelta::seconds(8)));
    let made: Value = made.send().await.expect("an answer").json().await.expect("JSON");
    let url = format!(
        "{}?ticket={}",
        node.url,
        made["ticket"].as_str().expect("a ticket")
    );
    let mut reader = SseReader::connect(&url, &Connect::default()).await;
    append(&log, &[own("ann", "news")]).await;
    assert_eq!(reader.next(LIMIT).await.expect("an event").event, "reauth");
    assert_eq!(reader.next(LIMIT).await.expect("an event").data, "news");
    assert!(reader.next(LIMIT).await.is_none(), "the stream ends");
    assert!(reader.text().ends_with(&format!("id: {}\n\n", log.epoch().at(1))));
}

#[tokio::test]
async fn a_stream_without_a_socket_of_its_own_ends_in_the_same_way() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let node = Node::start(&log, Settings::default()).await;
    let mut socket = ask(&node, "1.0", &token_for("ann", TimeDelta::seconds(6))).await;
    let heard = rest(&mut socket).await;
    let body = heard.split_once("\r\n\r\n").expect("a body").1;
    let start = log.epoch().at(0);
    assert!(body.contains("\n\nevent: reauth\ndata: {"), "{body}");
    assert!(body.ends_with(&format!("id: {start}\n\n")), "{body}");
}

#[tokio::test]
async fn a_reader_that_stalls_over_the_end_of_its_token_gets_the_rest_with_another_one() {
    const COUNT: usize = 1_000;
    const BYTES: usize = 12_000;
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let node = Node::start(&log, Settings::default()).await;
    let ends_by = Utc::now() + TimeDelta::seconds(5);
    let mut slow = ask(&node, "1.1", &token_for("ann", TimeDelta::seconds(5))).await;
    node.has_streams(1).await;
    let payloads: Vec<String> = (0..COUNT).map(|number| format!("{number:0>BYTES$}")).collect();
    let records: Vec<_> = payloads.iter().map(|payload| own("ann", payload)).collect();
    append(&log, &records).await;
    while Utc::now() < ends_by + TimeDelta::seconds(1) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let heard = rest(&mut slow).await;
    let got: Vec<&str> = heard
        .lines()
        .filter_map(|line| line.strip_prefix("data: 0"))
        .collect();
    assert!(got.len() < COUNT, "it did not stall");
    let last = log.epoch().at(got.len() as u64);
    assert!(
        heard.ends_with(&format!("id: {last}\n\n\r\n0\r\n\r\n")),
        "its end is said"
    );
    let token = token_for("ann", TimeDelta::hours(1));
    let mut again = connect(&node, token, Some(last.to_string())).await;
    expect_exactly(&mut again, &log, &payloads[got.len()..]).await;
}

/// How many streams the node counted as such.
fn ended_with_their_tokens(node: &Node) -> String {
    let mut registry = metrics::registry("0.0.0");
    node.edge.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
    let series = "lastcall_edge_streams_ended_total{reason=\"expired\"} ";
    let count = text.lines().find_map(|line| line.strip_prefix(series));
    count.expect("such a series").to_owned()
}

/// Events for everybody, one after the other, until told to end. How many they were.
async fn news(log: EventLog, mut end: tokio::sync::oneshot::Receiver<()>) -> usize {
    let mut count = 0;
    while end.try_recv().is_err() {
        append(&log, &[shared(&format!("news {count}"))]).await;
        count += 1;
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_tokens_that_end_in_one_second_end_their_streams_and_nobody_else_notices() {
    const STREAMS: usize = 1_000;
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let settings = Settings {
        max_streams_per_user: STREAMS,
        max_streams_per_address: STREAMS + 1,
        ..Settings::default()
    };
    let node = Node::start(&log, settings).await;
    let mut bystander = connect(&node, token_for("bob", TimeDelta::hours(1)), None).await;
    let token = token_for("ann", TimeDelta::seconds(20));
    let mut sockets = Vec::new();
    for _ in 0..STREAMS {
        sockets.push(ask(&node, "1.1", &token).await);
    }
    node.has_streams(STREAMS + 1).await;
    let (end, told) = tokio::sync::oneshot::channel();
    let appending = tokio::spawn(news(log.clone(), told));
    let heard = futures::future::join_all(sockets.iter_mut().map(rest)).await;
    node.has_streams(1).await;
    assert_eq!(ended_with_their_tokens(&node), STREAMS.to_string());
    end.send(()).expect("it goes on until then");
    let count = appending.await.expect("no panic");
    let all: Vec<String> = (0..count).map(|number| format!("news {number}")).collect();
    expect_exactly(&mut bystander, &log, &all).await;
    for heard in heard {
        assert_eq!(heard.matches("event: reauth").count(), 1, "{heard}");
        let got: Vec<&str> = heard
            .lines()
            .filter_map(|line| line.strip_prefix("data: news "))
            .collect();
        let expected: Vec<String> = (0..got.len()).map(|number| number.to_string()).collect();
        assert_eq!(got, expected);
        let last = log.epoch().at(got.len() as u64);
        assert!(
            heard.ends_with(&format!("id: {last}\n\n\r\n0\r\n\r\n")),
            "{heard}"
        );
    }
}
