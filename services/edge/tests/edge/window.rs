//! Memory, log, and the way from one to the other.

use std::time::Duration;

use edge::Settings;
use test_support::nats::NatsServer;

use crate::{LIMIT, Node, append, data, expect_exactly, for_ann, mixed, open, own, tiny_window};

#[tokio::test]
async fn what_the_window_no_longer_has_comes_from_the_log_merged_in_order_with_what_is_for_everybody() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &mixed(0..300)).await;
    let node = Node::start(&log, tiny_window()).await;
    let mut reader = node.connect_with("ann", "?from=earliest").await;
    expect_exactly(&mut reader, &log, &for_ann(0..300)).await;
}

#[tokio::test]
async fn long_runs_for_one_and_for_everybody_are_merged_in_order() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let mut records = Vec::new();
    let mut expected = Vec::new();
    // Runs longer than what is read at a time, so that one side is complete further than the other.
    for (run, length) in [40, 3, 25, 60, 1, 33].into_iter().enumerate() {
        for number in 0..length {
            let payload = format!("{run}-{number}");
            records.push(if run % 2 == 0 {
                own("ann", &payload)
            } else {
                crate::shared(&payload)
            });
            expected.push(payload);
        }
    }
    append(&log, &records).await;
    let node = Node::start(&log, tiny_window()).await;
    let mut reader = node.connect_with("ann", "?from=earliest").await;
    expect_exactly(&mut reader, &log, &expected).await;
}

#[tokio::test]
async fn a_short_reconnect_is_answered_from_memory_while_the_log_is_away() {
    let mut server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &mixed(0..60)).await;
    let node = Node::start(&log, Settings::default()).await;
    let id = log.epoch().at(15).to_string();
    server.kill().await;
    let mut reader = node.reconnect("ann", &id).await;
    let events = reader.take(for_ann(15..60).len(), LIMIT).await;
    assert_eq!(data(&events), for_ann(15..60));
}

#[tokio::test]
async fn a_reader_that_falls_behind_the_window_catches_up_from_the_log() {
    const COUNT: usize = 2_000;
    const BYTES: usize = 12_000;
    let server = NatsServer::start().await;
    let log = open(&server).await;
    // 24 MB for a window of 200 KB: far more than the socket's buffers take on either side.
    let node = Node::start(
        &log,
        Settings {
            window_bytes: 200_000,
            ..Settings::default()
        },
    )
    .await;
    let mut slow = node.connect("ann").await;
    let mut quick = node.connect("ann").await;
    let payloads: Vec<String> = (0..COUNT).map(|number| format!("{number:0>BYTES$}")).collect();
    let records: Vec<_> = payloads.iter().map(|payload| own("ann", payload)).collect();
    let appending = tokio::spawn({
        let log = log.clone();
        async move { append(&log, &records).await }
    });
    for payload in &payloads {
        assert_eq!(
            quick.next(LIMIT).await.expect("the stream goes on").data,
            *payload
        );
    }
    appending.await.expect("all are appended");
    for payload in &payloads {
        assert_eq!(slow.next(LIMIT).await.expect("the stream goes on").data, *payload);
    }
    expect_exactly(&mut slow, &log, &[]).await;
}

#[tokio::test]
async fn heartbeats_move_the_id_of_a_quiet_client_and_its_next_replay_is_short() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let heartbeat = Duration::from_millis(200);
    let node = Node::start(
        &log,
        Settings {
            heartbeat,
            ..Settings::default()
        },
    )
    .await;
    let mut quiet = node.connect("ann").await;
    let others: Vec<_> = (0..10).map(|number| own("bob", &number.to_string())).collect();
    append(&log, &others).await;
    let head = format!(": heartbeat\nid: {}\n\n", log.epoch().at(10));
    let events = quiet.read_until(LIMIT, |text| text.contains(&head)).await;
    assert!(events.is_empty(), "a heartbeat is no event");
    assert_eq!(quiet.last_event_id(), Some(log.epoch().at(10).to_string()));
    expect_exactly(&mut quiet, &log, &[]).await;
}

/// A browser dispatches no comments and nothing without data, so that a page would not see its stream die.
#[tokio::test]
async fn heartbeats_are_events_for_whoever_asks_for_that() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let settings = Settings {
        heartbeat: Duration::from_millis(200),
        ..Settings::default()
    };
    let node = Node::start(&log, settings).await;
    let mut page = node.connect_with("ann", "?heartbeat=event").await;
    append(&log, &[own("bob", "0")]).await;
    let head = format!("event: heartbeat\ndata:\nid: {}\n\n", log.epoch().at(1));
    page.read_until(LIMIT, |text| text.contains(&head)).await;
    assert_eq!(page.last_event_id(), Some(log.epoch().at(1).to_string()));
}

#[tokio::test]
async fn since_begins_with_what_was_stored_then_or_later() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &mixed(0..30)).await;
    let ann = proto_schemas::Recipient::User(crate::user_id("ann"));
    let own = log.read(&ann, 0, 100).await.expect("the log answers").messages;
    let instant = own[5]
        .stored_at
        .to_rfc3339_opts(chrono::SecondsFormat::Nanos, true);
    let node = Node::start(&log, Settings::default()).await;
    let mut by_time = node.connect_with("ann", &format!("?since={instant}")).await;
    expect_exactly(&mut by_time, &log, &for_ann(15..30)).await;
    let mut by_duration = node.connect_with("ann", "?since=1h").await;
    let first = by_duration.take(20, LIMIT).await;
    assert_eq!(data(&first), for_ann(0..30));
}
