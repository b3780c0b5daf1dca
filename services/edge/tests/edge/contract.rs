//! What clients are told, byte by byte, and which statuses they may see.

use std::time::Duration;

use edge::{Edge, Settings};
use test_support::nats::NatsServer;
use test_support::sse::SseReader;

use crate::{LIMIT, Node, append, expect_exactly, for_ann, mixed, open, own, purge_before, tiny_window};

#[tokio::test]
async fn the_first_bytes_come_at_once_and_carry_a_time_to_come_back_and_the_clients_own_position() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &mixed(0..9)).await;
    let (retry_min, retry_max) = (Duration::from_millis(500), Duration::from_millis(900));
    let node = Node::start(
        &log,
        Settings {
            retry_min,
            retry_max,
            ..Settings::default()
        },
    )
    .await;
    for (reader, position) in [
        (node.connect("nobody").await, 9),
        (node.reconnect("nobody", &log.epoch().at(4).to_string()).await, 4),
    ] {
        let mut reader: SseReader = reader;
        assert_eq!(reader.status, 200);
        assert_eq!(reader.headers["content-type"], "text/event-stream");
        assert_eq!(reader.headers["cache-control"], "no-store");
        assert_eq!(reader.headers["x-accel-buffering"], "no");
        reader.read_until(LIMIT, |text| text.contains("\n\n")).await;
        let text = reader.text();
        let (retry, id) = text.split_once('\n').expect("two lines");
        let retry: u64 = retry
            .strip_prefix("retry: ")
            .expect("a time")
            .parse()
            .expect("a number");
        assert!((500..=900).contains(&retry), "{retry}");
        assert!(
            id.starts_with(&format!("id: {}\n\n", log.epoch().at(position))),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_malformed_position_is_refused_and_says_where_it_stands() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let node = Node::start(&log, Settings::default()).await;
    for refused in [
        node.reconnect("ann", "no cursor").await,
        node.connect_with("ann", "?since=soon").await,
    ] {
        assert_eq!(refused.status, 400);
        assert_eq!(refused.headers["content-type"], "application/problem+json");
    }
}

/// Connects with a cursor and returns the gap that comes first.
async fn gap(reader: &mut SseReader) -> serde_json::Value {
    let event = reader.next(LIMIT).await.expect("the stream goes on");
    assert_eq!(event.event, "gap", "{}", event.data);
    let gap: serde_json::Value = serde_json::from_str(&event.data).expect("JSON");
    assert_eq!(
        gap["resumed_from"], event.id,
        "the gap moves the client's position"
    );
    gap
}

#[tokio::test]
async fn a_position_that_the_log_has_deleted_what_follows_is_told_as_expired_and_the_rest_comes() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &mixed(0..60)).await;
    purge_before(&server, 31).await;
    let node = Node::start(&log, tiny_window()).await;
    let mut expired = node.reconnect("ann", &log.epoch().at(12).to_string()).await;
    let told = gap(&mut expired).await;
    assert_eq!(told["reason"], "expired");
    assert_eq!(told["requested"], log.epoch().at(12).to_string());
    assert_eq!(told["resumed_from"], log.epoch().at(30).to_string());
    expect_exactly(&mut expired, &log, &for_ann(30..60)).await;
    // The last position that misses nothing.
    let mut complete = node.reconnect("ann", &log.epoch().at(30).to_string()).await;
    let events = complete.take(for_ann(30..60).len(), LIMIT).await;
    assert_eq!(crate::data(&events), for_ann(30..60));
}

#[tokio::test]
async fn what_the_log_deletes_while_an_edge_runs_is_told_as_expired_from_then_on() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &mixed(0..60)).await;
    let node = Node::start(&log, tiny_window()).await;
    for (kept_from, position) in [(11_u64, 5), (21, 10), (41, 20)] {
        let cursor = log.epoch().at(position).to_string();
        // Nothing is missing yet.
        let mut before = node.reconnect("ann", &cursor).await;
        assert_eq!(
            before.next(LIMIT).await.expect("the stream goes on").event,
            "message"
        );
        purge_before(&server, kept_from).await;
        let told = gap(&mut node.reconnect("ann", &cursor).await).await;
        assert_eq!(told["resumed_from"], log.epoch().at(kept_from - 1).to_string());
    }
}

#[tokio::test]
async fn a_position_ahead_of_the_log_or_in_another_one_is_told_and_the_stream_begins_now() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &mixed(0..9)).await;
    let node = Node::start(&log, Settings::default()).await;
    let ahead = log.epoch().at(10).to_string();
    for (cursor, reason) in [(ahead.as_str(), "ahead_of_log"), ("another.5", "epoch_changed")] {
        let mut reader = node.reconnect("ann", cursor).await;
        let told = gap(&mut reader).await;
        assert_eq!(told["reason"], reason);
        assert_eq!(told["requested"], cursor);
    }
    let mut at_the_end = node.reconnect("ann", &log.epoch().at(9).to_string()).await;
    expect_exactly(&mut at_the_end, &log, &[]).await;
}

#[tokio::test]
async fn a_position_ahead_of_this_edge_but_not_of_the_log_is_no_gap() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &mixed(0..9)).await;
    let node = Node::start(&log, Settings::default()).await;
    // The tail of this edge has ended where it was, as if it lagged.
    node.tail.abort();
    let stopped = async {
        while !node.tail.is_finished() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, stopped).await.expect("the tail ends");
    append(&log, &mixed(9..12)).await;
    let mut reader = node.reconnect("ann", &log.epoch().at(12).to_string()).await;
    reader.read_until(LIMIT, |text| text.contains("\n\n")).await;
    assert!(!reader.text().contains("gap"), "{}", reader.text());
    assert_eq!(reader.last_event_id(), Some(log.epoch().at(12).to_string()));
}

#[tokio::test]
async fn an_edge_that_is_not_ready_sends_clients_away_with_200_and_a_time_to_come_back() {
    let mut server = NatsServer::start().await;
    let log = open(&server).await;
    server.kill().await;
    let node = Node::start_unready(&log, Settings::default()).await;
    let mut reader = node.connect("ann").await;
    assert_eq!(reader.status, 200);
    assert_eq!(reader.headers["content-type"], "text/event-stream");
    assert!(reader.next(LIMIT).await.is_none(), "the stream ends by itself");
    assert!(reader.text().starts_with("retry: "), "{}", reader.text());
    assert!(!node.edge.ready());
}

#[tokio::test]
async fn shutdown_ends_every_stream_cleanly_with_its_position_and_the_server_finishes() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let mut node = Node::start(&log, Settings::default()).await;
    let mut reader = node.connect("ann").await;
    append(&log, &mixed(0..3)).await;
    reader.take(2, LIMIT).await;
    node.cancel.cancel();
    assert!(reader.next(LIMIT).await.is_none(), "the stream ends");
    assert!(
        reader.text().ends_with(&format!("id: {}\n\n", log.epoch().at(3))),
        "{}",
        reader.text()
    );
    let finished = tokio::time::timeout(LIMIT, &mut node.server)
        .await
        .expect("the server finishes");
    finished.expect("no panic").expect("no error");
    (&mut node.tail)
        .await
        .expect("no panic")
        .expect("told to end is no error");
}

#[tokio::test]
async fn what_was_published_by_hand_is_skipped_and_counted_and_stops_nobody() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let node = Node::start(&log, Settings::default()).await;
    let mut reader = node.connect("ann").await;
    reader.read_until(LIMIT, |text| text.contains("\n\n")).await;
    for (subject, payload) in [
        ("evt.user.not%encoded", &b"{}"[..]),
        ("evt.user.ann", b""),
        ("evt.all", b"\xff\xfe"),
    ] {
        let ack = server.request(subject, payload).await;
        assert!(ack.contains("\"stream\":\"EVENTS\""), "{ack}");
    }
    append(&log, &[own("ann", "ours")]).await;
    expect_exactly(&mut reader, &log, &["ours".to_owned()]).await;
    assert_eq!(node.edge.skipped(), 3);
    // The same from the log.
    let behind = Node::start(&log, tiny_window()).await;
    let mut replayed = behind.connect_with("ann", "?from=earliest").await;
    expect_exactly(&mut replayed, &log, &["ours".to_owned(), "the end".to_owned()]).await;
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_by_name() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let error = Edge::new(
        log,
        Settings {
            replay_batch: 0,
            ..Settings::default()
        },
    )
    .err()
    .expect("refused");
    assert!(error.to_string().contains("replay_batch"), "{error}");
}
