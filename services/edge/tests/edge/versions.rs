//! Streams over HTTP/2 and over TLS: the same, on connections that others share.

mod curl;

use std::path::PathBuf;
use std::time::Duration;

use edge::Settings;
use event_log::EventLog;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use reqwest::{Client, Response, Version};
use service_kit::http::{self, Listener, Tls};
use service_kit::metrics;
use service_kit::supervisor::Supervisor;
use tempfile::TempDir;
use test_support::nats::NatsServer;

use crate::{LIMIT, Node, append, expect_exactly, for_ann, mixed, open, own, shared, tiny_window, token};
use curl::{Curl, How};

/// A node whose connections are encrypted, and the certificate of its server.
async fn start_encrypted(log: &EventLog, settings: Settings) -> (Node, PathBuf, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    std::fs::write(&certificate, cert.pem()).expect("it is written");
    std::fs::write(&key, signing_key.serialize_pem()).expect("it is written");
    let named = http::Settings {
        tls_certificate_file: Some(certificate.clone()),
        tls_key_file: Some(key),
        ..http::Settings::default()
    };
    let (mut supervisor, mut registry) = (Supervisor::new(), metrics::registry("0.0.0"));
    let tls = Tls::start(&named, &mut supervisor, &mut registry)
        .await
        .expect("a pair");
    let listener = Listener::bind("127.0.0.1:0").await.expect("a free port");
    let mut node = Node::start_on(listener.encrypted_by(tls), log, settings);
    node.url = node.url.replace("127.0.0.1", "localhost");
    node.is_ready().await;
    (node, certificate, folder)
}

/// Events that come while the client is there, while it is away, and from the log when it was away for long.
async fn is_cut_and_resumes(node: &Node, log: &EventLog, how: How<'_>, status: &str, from: u32) {
    let position = log.epoch().at(u64::from(from)).to_string();
    let mut client = Curl::start(how, &node.url, &position);
    append(log, &mixed(from..from + 30)).await;
    let (early, id) = client.take(for_ann(from..from + 30).len()).await;
    assert_eq!(client.status(), status, "{how:?}");
    drop(client);
    node.has_streams(0).await;
    append(log, &mixed(from + 30..from + 90)).await;
    let mut client = Curl::start(how, &node.url, &id);
    append(log, &mixed(from + 90..from + 120)).await;
    let (late, _) = client.take(for_ann(from + 30..from + 120).len()).await;
    assert_eq!([early, late].concat(), for_ann(from..from + 120), "{how:?}");
    drop(client);
    node.has_streams(0).await;
}

#[tokio::test]
async fn a_stream_over_http_2_or_tls_is_cut_and_resumes_without_loss_or_double() {
    if !curl::is_there() {
        return;
    }
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let mut from = 0;
    for settings in [Settings::default(), tiny_window()] {
        let node = Node::start(&log, settings.clone()).await;
        is_cut_and_resumes(&node, &log, How::H2c, "HTTP/2 200", from).await;
        let (node, certificate, _folder) = start_encrypted(&log, settings).await;
        is_cut_and_resumes(&node, &log, How::H2Tls(&certificate), "HTTP/2 200", from + 120).await;
        is_cut_and_resumes(
            &node,
            &log,
            How::Http1Tls(&certificate),
            "HTTP/1.1 200 OK",
            from + 240,
        )
        .await;
        from += 360;
    }
}

#[tokio::test]
async fn a_node_that_ends_tells_its_clients_over_http_2_and_tls_to_come_back() {
    if !curl::is_there() {
        return;
    }
    let server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &[own("ann", "news")]).await;
    let settings = Settings {
        drain: Duration::from_secs(1),
        ..Settings::default()
    };
    let (mut node, certificate, _folder) = start_encrypted(&log, settings).await;
    let start = log.epoch().at(0).to_string();
    for how in [How::H2Tls(&certificate), How::Http1Tls(&certificate)] {
        let mut client = Curl::start(how, &node.url, &start);
        client.take(1).await;
        node.has_streams(1).await;
        drop(client);
        node.has_streams(0).await;
    }
    let mut clients = [How::H2Tls(&certificate), How::Http1Tls(&certificate)]
        .map(|how| Curl::start(how, &node.url, &start));
    for client in &mut clients {
        client.take(1).await;
    }
    node.cancel.cancel();
    for client in clients {
        let heard = client.end().await;
        assert_eq!(heard.matches("retry: ").count(), 2, "{heard}");
        assert!(
            heard.ends_with(&format!("id: {}\n\n", log.epoch().at(1))),
            "{heard}"
        );
    }
    let ended = tokio::time::timeout(LIMIT, &mut node.server).await;
    ended
        .expect("the server ends")
        .expect("no panic")
        .expect("no error");
}

/// A client whose requests share connections.
fn sharing() -> Client {
    let window = 65_535;
    let client = Client::builder()
        .http2_prior_knowledge()
        .http2_initial_stream_window_size(window);
    client.build().expect("a client")
}

async fn ask(client: &Client, node: &Node, user: &str) -> Response {
    let request = client.get(&node.url).bearer_auth(token(user));
    let response = request.send().await.expect("an answer");
    assert_eq!(
        (response.version(), response.status().as_u16()),
        (Version::HTTP_2, 200)
    );
    response
}

/// Reads on until the text is there, or to the end.
async fn read_until(response: &mut Response, heard: &mut String, text: &str) {
    let reading = async {
        while !heard.contains(text)
            && let Some(bytes) = response.chunk().await.expect("the stream holds")
        {
            heard.push_str(std::str::from_utf8(&bytes).expect("text"));
        }
    };
    let read = tokio::time::timeout(LIMIT, reading).await;
    assert!(read.is_ok(), "no {text:?} in time: {heard}");
}

#[tokio::test]
async fn while_a_node_ends_who_asks_on_an_old_connection_is_sent_away_from_it() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let settings = Settings {
        drain: Duration::from_secs(3_600),
        ..Settings::default()
    };
    let node = Node::start(&log, settings).await;
    let client = sharing();
    let (mut first, mut heard) = (ask(&client, &node, "ann").await, String::new());
    read_until(&mut first, &mut heard, "id: ").await;
    let (mut second, mut second_heard) = (ask(&client, &node, "bob").await, String::new());
    read_until(&mut second, &mut second_heard, "id: ").await;
    node.cancel.cancel();
    // The first is sent away at once, and the second in a minute.
    read_until(&mut first, &mut heard, "the end").await;
    assert_eq!(heard.matches("retry: ").count(), 2, "{heard}");
    let (mut third, mut third_heard) = (ask(&client, &node, "cem").await, String::new());
    read_until(&mut third, &mut third_heard, "the end").await;
    assert!(
        third_heard.starts_with("retry: ") && !third_heard.contains("id: "),
        "{third_heard}"
    );
    append(&log, &[shared("still there")]).await;
    read_until(&mut second, &mut second_heard, "still there").await;
    assert!(
        second_heard.contains("still there"),
        "its time has not come: {second_heard}"
    );
}

#[tokio::test]
async fn a_reader_that_stalls_over_http_2_is_cut_off_and_nobody_else_on_its_connection() {
    const COUNT: usize = 100;
    const BYTES: usize = 12_000;
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let settings = Settings {
        stall_timeout: Duration::from_secs(2),
        ..Settings::default()
    };
    let node = Node::start(&log, settings).await;
    let client = sharing();
    let deaf = ask(&client, &node, "ann").await;
    let (mut reading, mut heard) = (ask(&client, &node, "bob").await, String::new());
    node.has_streams(2).await;
    let records: Vec<_> = (0..COUNT)
        .map(|number| own("ann", &format!("{number:0>BYTES$}")))
        .collect();
    append(&log, &records).await;
    node.has_streams(1).await;
    append(&log, &[own("bob", "news")]).await;
    read_until(&mut reading, &mut heard, "data: news\n").await;
    assert!(deaf.bytes().await.is_err(), "it was cut off in the middle");
    // What it missed it gets when it comes back and reads.
    let mut again = node.connect_with("ann", "?from=earliest").await;
    let expected: Vec<_> = (0..COUNT).map(|number| format!("{number:0>BYTES$}")).collect();
    expect_exactly(&mut again, &log, &expected).await;
}
