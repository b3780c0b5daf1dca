//! What a node counts and measures, as it is read from its admin port.

use std::time::Duration;

use chrono::TimeDelta;
use edge::Settings;
use event_log::{EventLog, Record};
use service_kit::http::Listener;
use service_kit::metrics;
use test_support::nats::NatsServer;
use test_support::sse::{Connect, SseReader};
use tokio_util::sync::CancellationToken;
use tokio_util::sync::DropGuard;

use crate::sockets::{COUNT, ask, large_payloads};
use crate::{LIMIT, Node, append, for_ann, log_settings, mixed, open, own, tiny_window, token_for};

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
        assert!(reached.is_ok(), "{series} is {found}");
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

#[tokio::test]
async fn streams_are_counted_by_where_they_went_on_from_and_why_they_ended() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &mixed(0..60)).await;
    server
        .request("$JS.API.STREAM.PURGE.EVENTS", br#"{"seq": 31}"#)
        .await;
    let node = Node::start(&log, tiny_window()).await;
    let admin = Admin::of(&node).await;
    for resumed in ["fresh", "window", "log", "gap_expired"] {
        let series = format!("streams_opened_total{{resumed=\"{resumed}\"}}");
        assert_eq!(admin.value(&series).await, 0.0, "there from the start");
    }
    let mut readers = vec![begun(node.connect("ann").await).await];
    for (position, resumed) in [
        (log.epoch().at(60).to_string(), "window"),
        (log.epoch().at(30).to_string(), "log"),
        (log.epoch().at(12).to_string(), "gap_expired"),
        (log.epoch().at(61).to_string(), "gap_ahead_of_log"),
        ("another.7".to_owned(), "gap_epoch_changed"),
    ] {
        readers.push(begun(node.reconnect("ann", &position).await).await);
        let series = format!("streams_opened_total{{resumed=\"{resumed}\"}}");
        admin.reaches(&series, 1.0).await;
    }
    assert_eq!(admin.value("streams_opened_total{resumed=\"fresh\"}").await, 1.0);
    assert_eq!(admin.value("streams").await, 6.0);
    for reason in ["expired", "ahead_of_log", "epoch_changed"] {
        admin
            .reaches(&format!("gaps_total{{reason=\"{reason}\"}}"), 1.0)
            .await;
    }
    assert_eq!(
        admin.value("streams_ended_total{reason=\"client\"}").await,
        0.0,
        "all go on"
    );
    readers.truncate(2);
    admin.reaches("streams_ended_total{reason=\"client\"}", 4.0).await;
    node.cancel.cancel();
    admin
        .reaches("streams_ended_total{reason=\"drained\"}", 2.0)
        .await;
    assert_eq!(admin.value("streams").await, 0.0);
}

#[tokio::test]
async fn a_token_that_ends_and_a_client_that_never_reads_are_counted_apart() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let settings = Settings {
        heartbeat: Duration::from_millis(200),
        stall_timeout: Duration::from_secs(2),
        ..Settings::default()
    };
    let node = Node::start(&log, settings).await;
    let admin = Admin::of(&node).await;
    let how = Connect {
        token: Some(token_for("bob", TimeDelta::seconds(2))),
        last_event_id: None,
    };
    let mut expiring = SseReader::connect(&node.url, &how).await;
    while expiring.next(LIMIT).await.is_some() {}
    admin
        .reaches("streams_ended_total{reason=\"expired\"}", 1.0)
        .await;
    let deaf = ask(&node, "1.1", "").await;
    node.has_streams(1).await;
    append(&log, &large_events()).await;
    admin
        .reaches("streams_ended_total{reason=\"stalled\"}", 1.0)
        .await;
    drop(deaf);
}

#[tokio::test]
async fn what_a_client_was_too_slow_to_take_is_replayed_and_not_timed() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let node = Node::start(&log, Settings::default()).await;
    let admin = Admin::of(&node).await;
    let mut slow = begun(node.connect("ann").await).await;
    append(&log, &large_events()).await;
    // All of it is in the window, and the socket is full.
    admin.reaches("window_events", COUNT as f64).await;
    let timed = admin.value("append_to_write_seconds_count").await;
    assert!(timed < COUNT as f64 / 8.0, "{timed}");
    slow.take(COUNT, LIMIT).await;
    admin.reaches("events_delivered_total", COUNT as f64).await;
    let replayed = admin.value("events_replayed_total{source=\"window\"}").await;
    assert!(replayed > 0.0 && replayed < COUNT as f64, "{replayed}");
    let timed = admin.value("append_to_write_seconds_count").await;
    for number in 0..16 {
        append(&log, &[own("ann", &number.to_string())]).await;
        slow.take(1, LIMIT).await;
    }
    // It has caught up.
    admin
        .satisfies("append_to_write_seconds_count", |count| count > timed)
        .await;
}

#[tokio::test]
async fn whoever_is_sent_away_is_counted_by_why() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let settings = Settings {
        max_streams: 2,
        max_streams_per_user: 1,
        ..Settings::default()
    };
    let node = Node::start(&log, settings).await;
    let admin = Admin::of(&node).await;
    let _ann = begun(node.connect("ann").await).await;
    node.connect("ann").await;
    assert_eq!(admin.value("refused_total{reason=\"limit_user\"}").await, 1.0);
    let _bob = begun(node.connect("bob").await).await;
    node.connect("cem").await;
    assert_eq!(admin.value("refused_total{reason=\"limit_all\"}").await, 1.0);
    node.cancel.cancel();
    while node.edge.ready() {
        tokio::task::yield_now().await;
    }
    node.connect("dan").await;
    assert_eq!(admin.value("refused_total{reason=\"draining\"}").await, 1.0);
}

#[tokio::test]
async fn what_is_delivered_live_is_timed_and_what_was_missed_is_counted_by_where_it_was_found() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &mixed(0..60)).await;
    let node = Node::start(&log, Settings::default()).await;
    let admin = Admin::of(&node).await;
    let mut live = begun(node.connect("ann").await).await;
    append(&log, &[own("ann", "news")]).await;
    live.take(1, LIMIT).await;
    admin.reaches("events_delivered_total", 1.0).await;
    admin.reaches("append_to_write_seconds_count", 1.0).await;
    let took = admin.value("append_to_write_seconds_sum").await;
    assert!((0.0..30.0).contains(&took), "{took}");
    assert_eq!(
        admin.value("append_to_write_seconds_bucket{le=\"+Inf\"}").await,
        1.0
    );

    let missed = for_ann(0..60).len();
    let mut back = node.reconnect("ann", &log.epoch().at(0).to_string()).await;
    back.take(missed + 1, LIMIT).await;
    let replayed = (missed + 1) as f64;
    admin
        .reaches("events_replayed_total{source=\"window\"}", replayed)
        .await;
    assert_eq!(admin.value("events_delivered_total").await, replayed + 1.0);
    assert_eq!(
        admin.value("append_to_write_seconds_count").await,
        1.0,
        "how long somebody was away says nothing about the edge"
    );
    assert_eq!(admin.value("events_replayed_total{source=\"log\"}").await, 0.0);

    let tiny = Node::start(&log, tiny_window()).await;
    let admin = Admin::of(&tiny).await;
    let mut behind = tiny.reconnect("ann", &log.epoch().at(0).to_string()).await;
    behind.take(missed + 1, LIMIT).await;
    admin.reaches("events_delivered_total", replayed).await;
    let from_log = admin.value("events_replayed_total{source=\"log\"}").await;
    let from_window = admin.value("events_replayed_total{source=\"window\"}").await;
    assert!(from_log > replayed / 2.0, "{from_log}");
    assert_eq!(from_log + from_window, replayed);
}

#[tokio::test]
async fn every_eighth_delivery_is_timed() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let node = Node::start(&log, Settings::default()).await;
    let admin = Admin::of(&node).await;
    let mut live = begun(node.connect("ann").await).await;
    for number in 0..17 {
        append(&log, &[own("ann", &number.to_string())]).await;
        live.take(1, LIMIT).await;
    }
    admin.reaches("events_delivered_total", 17.0).await;
    admin.reaches("append_to_write_seconds_count", 3.0).await;
}

#[tokio::test]
async fn polls_are_counted_beside_streams() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &mixed(0..6)).await;
    let node = Node::start(&log, Settings::default()).await;
    let admin = Admin::of(&node).await;
    let url = node.url.replace("/v1/stream", "/v1/events?from=earliest");
    let request = reqwest::Client::new().get(url).bearer_auth(crate::token("ann"));
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    admin.reaches("polls_total{resumed=\"window\"}", 1.0).await;
    assert_eq!(admin.value("streams_opened_total{resumed=\"window\"}").await, 0.0);
    assert_eq!(admin.value("streams_ended_total{reason=\"client\"}").await, 0.0);
    assert_eq!(
        admin.value("events_delivered_total").await,
        for_ann(0..6).len() as f64
    );
}

#[tokio::test]
async fn a_tail_that_does_not_get_on_is_seen_by_its_lag() {
    let server = NatsServer::start().await;
    let settings = event_log::Settings {
        max_consumers: 1,
        ..log_settings(&server)
    };
    let log = EventLog::open(&settings).await.expect("the log opens");
    append(&log, &mixed(0..30)).await;
    // The only consumer that there may be.
    let mut other = log.follow(0);
    other.next().await.expect("a message");
    let node = Node::start_unready(&log, Settings::default()).await;
    let admin = Admin::of(&node).await;
    admin.reaches("tail_lag_messages", 30.0).await;
    assert!(!node.edge.ready());
}

#[tokio::test]
async fn the_window_and_how_long_the_log_is_silent_are_shown() {
    let mut server = NatsServer::start().await;
    let log = open(&server).await;
    let node = Node::start(&log, Settings::default()).await;
    let admin = Admin::of(&node).await;
    assert_eq!(admin.value("window_events").await, 0.0);
    assert_eq!(admin.value("window_bytes").await, 0.0);
    assert_eq!(admin.value("window_span_seconds").await, 0.0);
    append(&log, &mixed(0..30)).await;
    admin.reaches("window_events", 30.0).await;
    assert!(admin.value("window_bytes").await > 30.0 * 30.0);
    admin
        .satisfies("window_span_seconds", |span| (0.0001..60.0).contains(&span))
        .await;
    assert_eq!(admin.value("tail_lag_messages").await, 0.0, "as of the start");
    server.request("evt.all", b"").await;
    admin.reaches("messages_skipped_total", 1.0).await;
    server.kill().await;
    // The log is asked every ten seconds.
    admin
        .satisfies("tail_silence_seconds", |silence| silence > 11.0)
        .await;
    server.restart().await;
    admin
        .satisfies("tail_silence_seconds", |silence| silence < 5.0)
        .await;
}
