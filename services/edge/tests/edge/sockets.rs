//! Streams on sockets of their own: framing, clients that say more than they should, read too slowly, or are gone.

use std::time::Duration;

use edge::Settings;
use test_support::nats::NatsServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{LIMIT, Node, append, expect_exactly, for_ann, mixed, open, own, token};

/// Far more than the sockets' buffers take on either side.
pub(crate) const COUNT: usize = 2_000;
const BYTES: usize = 12_000;

pub(crate) fn large_payloads() -> Vec<String> {
    (0..COUNT).map(|number| format!("{number:0>BYTES$}")).collect()
}

/// A socket on which ann has asked for her stream, and said so much more.
pub(crate) async fn ask(node: &Node, version: &str, more: &str) -> TcpStream {
    let address = node
        .url
        .strip_prefix("http://")
        .and_then(|url| url.split('/').next());
    let mut socket = TcpStream::connect(address.expect("an address"))
        .await
        .expect("a connection");
    let request = format!(
        "GET /v1/stream HTTP/{version}\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n{more}",
        token("ann")
    );
    socket
        .write_all(request.as_bytes())
        .await
        .expect("the request goes out");
    socket
}

/// Reads on until the text is there.
async fn read_until(socket: &mut TcpStream, heard: &mut String, text: &str) {
    let reading = async {
        while !heard.contains(text) {
            let mut bytes = [0; 4_096];
            let count = socket.read(&mut bytes).await.expect("the connection holds");
            assert!(count > 0, "the stream ended: {heard}");
            heard.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    };
    let waited = tokio::time::timeout(LIMIT, reading).await;
    assert!(waited.is_ok(), "no {text:?} in time");
}

#[tokio::test]
async fn a_stream_is_chunked_to_its_proper_end() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let node = Node::start(&log, Settings::default()).await;
    let request = reqwest::Client::new().get(&node.url).bearer_auth(token("ann"));
    let mut response = request.send().await.expect("an answer");
    assert_eq!(response.headers()["transfer-encoding"], "chunked");
    append(&log, &mixed(0..300)).await;
    let mut text = String::new();
    let read = async {
        while let Some(bytes) = response.chunk().await.expect("valid chunks up to a last one") {
            text.push_str(std::str::from_utf8(&bytes).expect("text"));
            if text.contains("data: all 299") {
                node.cancel.cancel();
            }
        }
    };
    tokio::time::timeout(LIMIT, read).await.expect("the stream ends");
    let received: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .collect();
    assert_eq!(received, for_ann(0..300));
    assert!(text.ends_with(&format!("id: {}\n\n", log.epoch().at(300))));
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_a_stream_without_chunks() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let node = Node::start(&log, Settings::default()).await;
    let (mut socket, mut heard) = (ask(&node, "1.0", "").await, String::new());
    read_until(&mut socket, &mut heard, "\r\n\r\nretry: ").await;
    append(&log, &[own("ann", "news")]).await;
    let end = format!("data: news\nid: {}\n\n", log.epoch().at(1));
    read_until(&mut socket, &mut heard, &end).await;
    let head = heard.split("\r\n\r\n").next().expect("a head").to_lowercase();
    assert!(
        head.starts_with("http/1.0 200 ") && !head.contains("transfer-encoding"),
        "{head}"
    );
    let body = heard.split_once("\r\n\r\n").expect("a body").1;
    let expected = format!(
        "id: {}\n\ndata: news\nid: {}\n\n",
        log.epoch().at(0),
        log.epoch().at(1)
    );
    assert!(body.ends_with(&expected), "{body}");
}

#[tokio::test]
async fn what_a_client_sends_behind_its_request_means_nothing_and_has_a_bound() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let node = Node::start(&log, Settings::default()).await;
    let more = "GET /v1/stream?from=earliest HTTP/1.1\r\nhost: x\r\n\r\n";
    let (mut socket, mut heard) = (ask(&node, "1.1", more).await, String::new());
    read_until(&mut socket, &mut heard, "retry: ").await;
    socket
        .write_all(more.as_bytes())
        .await
        .expect("the stream reads on");
    append(&log, &[own("ann", "news")]).await;
    read_until(&mut socket, &mut heard, "data: news\n").await;
    assert_eq!(heard.matches("HTTP/1.1 ").count(), 1, "{heard}");
    // As much as there is room for on the way, or until the edge has had enough.
    let _ = socket.write_all(&vec![b'x'; 4 * 1024 * 1024]).await;
    node.has_streams(0).await;
}

#[tokio::test]
async fn a_client_that_closes_is_forgotten_though_there_is_nothing_to_tell_it() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let node = Node::start(
        &log,
        Settings {
            heartbeat: Duration::from_secs(3_600),
            ..Settings::default()
        },
    )
    .await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let (mut socket, mut heard) = (ask(&node, "1.1", "").await, String::new());
        read_until(&mut socket, &mut heard, "retry: ").await;
        clients.push(socket);
    }
    node.has_streams(3).await;
    clients.pop();
    node.has_streams(2).await;
    let mut half_closed = clients.pop().expect("a client");
    half_closed.shutdown().await.expect("it is open");
    node.has_streams(1).await;
}

#[tokio::test]
async fn a_reader_that_stalls_and_reads_again_gets_everything_once_and_in_order() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let node = Node::start(&log, Settings::default()).await;
    let mut slow = node.connect("ann").await;
    let payloads = large_payloads();
    let (early, late) = payloads.split_at(COUNT / 2);
    let records =
        |payloads: &[String]| -> Vec<_> { payloads.iter().map(|payload| own("ann", payload)).collect() };
    // A quick one is told of everything, so whatever does not reach the slow one is waiting for it.
    let mut quick = node.connect("ann").await;
    for part in [early, late] {
        let appending = tokio::spawn({
            let (log, records) = (log.clone(), records(part));
            async move { append(&log, &records).await }
        });
        quick.take(part.len(), LIMIT).await;
        appending.await.expect("all are appended");
        for payload in part {
            assert_eq!(slow.next(LIMIT).await.expect("the stream goes on").data, *payload);
        }
    }
    expect_exactly(&mut slow, &log, &[]).await;
}

#[tokio::test]
async fn a_client_that_never_reads_is_cut_off_and_nobody_else() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let node = Node::start(
        &log,
        Settings {
            heartbeat: Duration::from_millis(200),
            stall_timeout: Duration::from_secs(2),
            ..Settings::default()
        },
    )
    .await;
    let deaf = ask(&node, "1.1", "").await;
    let mut reading = node.connect("bob").await;
    node.has_streams(2).await;
    let records: Vec<_> = large_payloads()
        .iter()
        .map(|payload| own("ann", payload))
        .collect();
    append(&log, &records).await;
    append(&log, &[own("bob", "small")]).await;
    node.has_streams(1).await;
    expect_exactly(&mut reading, &log, &["small".to_owned()]).await;
    drop(deaf);
}
