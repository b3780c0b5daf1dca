//! What docs/CLIENTS.md shows is what an edge sends.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use edge::Settings;
use event_log::EventLog;
use proto_schemas::Recipient;
use reqwest::Method;
use test_support::nats::NatsServer;
use test_support::sse::{Connect, SseReader};

use crate::{LIMIT, Node, append, open, own, purge_before, record, tiny_window, token, token_for, user_id};

const DOCUMENT: &str = include_str!("../../../../docs/CLIENTS.md");
const EVENT: &str = include_str!("../../../../proto-schemas/fixtures/lastcall.coupon.expiring.v1.json");

/// What the document says that differs each time.
const EPOCH: &str = "4f8a0c2e91d7";
const RETRY: &str = "3187";
const EXPIRES_AT: &str = "2026-11-22T09:30:00Z";
const TICKET: &str = "<ticket>";

/// The position of the document's first block.
const BEGIN: usize = 1_024;

/// The examples of the document, each taken out when it has been compared.
struct Examples(BTreeMap<&'static str, &'static str>);

impl Examples {
    /// A comment with the example's name and, behind it, a block of code.
    fn read() -> Self {
        let examples = DOCUMENT.split("<!-- example: ").skip(1).map(|part| {
            let (name, rest) = part
                .split_once(" -->\n```")
                .expect("a block of code behind a name");
            let (_, rest) = rest.split_once('\n').expect("a line");
            let (example, _) = rest.split_once("```").expect("the end of the block");
            (name, example)
        });
        Self(examples.collect())
    }

    fn take(&mut self, name: &str) -> &'static str {
        self.0
            .remove(name)
            .unwrap_or_else(|| panic!("no example {name:?}"))
    }

    /// That the example is all there is.
    fn is(&mut self, name: &str, sent: &str) {
        assert_eq!(sent, self.take(name), "{name}");
    }

    /// That the stream begins with the example.
    async fn begins(&mut self, name: &str, reader: &mut SseReader, log: &EventLog) {
        reader.read_until(LIMIT, |text| text.contains("\n\n")).await;
        let sent = as_documented(&reader.text(), log);
        let example = self.take(name);
        assert!(sent.starts_with(example), "{name}: {sent:?} and not {example:?}");
    }

    /// That the example comes down the stream as a block of its own.
    async fn comes(&mut self, name: &str, reader: &mut SseReader, log: &EventLog) {
        let example = self.take(name);
        let comes = |text: &str| as_documented(text, log).contains(&format!("\n\n{example}"));
        reader.read_until(LIMIT, comes).await;
    }
}

/// What an edge sent, with the document's values where they differ each time.
fn as_documented(sent: &str, log: &EventLog) -> String {
    let mut text = sent.replace(log.epoch().as_str(), EPOCH);
    for (before, behind, value) in [
        ("retry: ", "\n", RETRY),
        ("\"expires_at\":\"", "\"", EXPIRES_AT),
        ("\"ticket\":\"", "\"", TICKET),
    ] {
        text = with_value(&text, before, behind, value);
    }
    text
}

fn with_value(text: &str, before: &str, behind: &str, value: &str) -> String {
    let mut parts = text.split(before);
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (old, rest) = part.split_once(behind).expect("a whole value");
        assert!(!old.is_empty());
        replaced.push_str(&[before, value, behind, rest].concat());
    }
    replaced
}

/// The log as it is when the document begins.
async fn log_of_document(server: &NatsServer) -> EventLog {
    let log = open(server).await;
    let others: Vec<_> = (0..BEGIN).map(|number| own("bob", &number.to_string())).collect();
    append(&log, &others).await;
    log
}

async fn append_event(log: &EventLog) {
    append(log, &[record(Recipient::User(user_id("ann")), EVENT.trim())]).await;
}

/// Six more for others.
async fn append_others(log: &EventLog) {
    let others: Vec<_> = (0..6).map(|number| own("bob", &number.to_string())).collect();
    append(log, &others).await;
}

async fn body(node: &Node, method: Method, path: &str) -> String {
    let url = node.url.replace("/v1/stream", path);
    let request = reqwest::Client::new()
        .request(method, url)
        .bearer_auth(token("ann"));
    let answer = request.send().await.expect("an answer");
    answer.text().await.expect("a body")
}

#[tokio::test]
async fn what_the_document_for_clients_shows_is_what_an_edge_sends() {
    let server = NatsServer::start().await;
    let log = log_of_document(&server).await;
    let mut examples = Examples::read();
    let settings = Settings {
        heartbeat: Duration::from_millis(200),
        ..Settings::default()
    };
    let mut node = Node::start(&log, settings).await;

    let mut stream = node.connect("ann").await;
    examples.begins("first", &mut stream, &log).await;
    append_event(&log).await;
    examples.comes("event", &mut stream, &log).await;
    let after = log.epoch().at(BEGIN as u64);
    let polled = body(&node, Method::GET, &format!("/v1/events?after={after}&wait=60s")).await;
    examples.is("poll", &(as_documented(&polled, &log) + "\n"));
    append_others(&log).await;
    examples.comes("heartbeat", &mut stream, &log).await;
    let end = log.epoch().at(BEGIN as u64 + 7);
    let polled = body(&node, Method::GET, &format!("/v1/events?after={end}&wait=0s")).await;
    examples.is("poll in vain", &(as_documented(&polled, &log) + "\n"));

    let elsewhere = "9b21c7d0aa34.88";
    let mut replaced = node.reconnect("ann", elsewhere).await;
    examples.begins("gap epoch_changed", &mut replaced, &log).await;
    let polled = body(&node, Method::GET, &format!("/v1/events?after={elsewhere}")).await;
    examples.is("poll with gap", &(as_documented(&polled, &log) + "\n"));
    let mut ahead = node.reconnect("ann", &log.epoch().at(2_000).to_string()).await;
    examples.begins("gap ahead_of_log", &mut ahead, &log).await;
    expired(&mut examples, &server, &log).await;
    sent_away(&mut examples, &log).await;

    let told_soon = Connect {
        token: Some(token_for("ann", TimeDelta::seconds(45))),
        last_event_id: None,
    };
    let mut ending = SseReader::connect(&node.url, &told_soon).await;
    examples.comes("reauth", &mut ending, &log).await;
    let ticket = body(&node, Method::POST, "/v1/stream/ticket").await;
    examples.is("ticket", &(as_documented(&ticket, &log) + "\n"));
    let mut malformed = reqwest::Client::new().get(&node.url).bearer_auth(token("ann"));
    malformed = malformed.header("last-event-id", "no-cursor");
    let refused = malformed.send().await.expect("an answer");
    examples.is("problem", &(refused.text().await.expect("a body") + "\n"));

    drop((replaced, ahead, ending));
    node.has_streams(1).await;
    ended(&mut examples, &mut node, stream, &log).await;
    assert!(
        examples.0.is_empty(),
        "nobody has compared {:?}",
        examples.0.keys()
    );
}

/// What somebody is told who was away for longer than the log keeps events.
async fn expired(examples: &mut Examples, server: &NatsServer, log: &EventLog) {
    purge_before(server, 513).await;
    let node = Node::start(log, tiny_window()).await;
    let mut away = node.reconnect("ann", &log.epoch().at(17).to_string()).await;
    examples.comes("gap expired", &mut away, log).await;
}

/// What a node says last.
async fn ended(examples: &mut Examples, node: &mut Node, mut stream: SseReader, log: &EventLog) {
    let last = examples.take("last");
    node.cancel.cancel();
    while stream.next(LIMIT).await.is_some() {}
    let sent = as_documented(&stream.text(), log);
    assert!(sent.ends_with(&format!("\n\n{last}")), "{sent:?}");
    let finished = tokio::time::timeout(LIMIT, &mut node.server).await;
    finished
        .expect("the server finishes")
        .expect("no panic")
        .expect("no error");
}

/// What somebody is told for whom there is no room.
async fn sent_away(examples: &mut Examples, log: &EventLog) {
    let settings = Settings {
        max_streams_per_user: 1,
        ..Settings::default()
    };
    let node = Node::start(log, settings).await;
    let mut first = node.connect("ann").await;
    first.read_until(LIMIT, |text| text.contains("id: ")).await;
    let mut refused = node.connect("ann").await;
    assert_eq!(refused.status, 200);
    assert!(refused.next(LIMIT).await.is_none(), "it ends at once");
    examples.is("come back", &as_documented(&refused.text(), log));
}
