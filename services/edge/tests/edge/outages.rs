//! The log goes away, comes back, comes back shorter, is replaced.

use std::time::Duration;

use edge::Settings;
use event_log::EventLog;
use test_support::link::{Condition, Link};
use test_support::nats::NatsServer;

use crate::{LIMIT, Node, append, data, expect_exactly, for_ann, mixed, open, tiny_window};

#[tokio::test]
async fn a_killed_nats_server_keeps_clients_connected_and_nothing_is_lost_or_doubled() {
    let mut server = NatsServer::start().await;
    let log = open(&server).await;
    let nodes = [
        Node::start(&log, Settings::default()).await,
        Node::start(&log, tiny_window()).await,
    ];
    let mut readers = [nodes[0].connect("ann").await, nodes[1].connect("ann").await];
    append(&log, &mixed(0..300)).await;
    for round in 1..4 {
        server.kill().await;
        // Asked for while there is no server: waits, and does not fail.
        let appending = tokio::spawn({
            let log = log.clone();
            async move { append(&log, &mixed(round * 300..(round + 1) * 300)).await }
        });
        server.restart().await;
        appending.await.expect("all are appended");
    }
    let mut expected = for_ann(0..1_200);
    expected.sort_unstable();
    for reader in &mut readers {
        let events = reader.take(expected.len(), LIMIT).await;
        let ids: Vec<u64> = events.iter().map(|event| sequence(&event.id)).collect();
        assert!(
            ids.is_sorted_by(|a, b| a < b),
            "in the order of the log, none twice"
        );
        // What was sent again after the kill may have been stored after what was sent behind it.
        let mut received = data(&events);
        received.sort_unstable();
        assert_eq!(received, expected);
        expect_exactly(reader, &log, &[]).await;
    }
}

fn sequence(id: &str) -> u64 {
    id.split_once('.')
        .and_then(|(_, sequence)| sequence.parse().ok())
        .expect("an id of the edge")
}

#[tokio::test]
async fn a_client_below_the_window_waits_for_a_lost_log_and_then_gets_everything() {
    let mut server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &mixed(0..60)).await;
    let node = Node::start(&log, tiny_window()).await;
    server.kill().await;
    let mut reader = node.reconnect("ann", &log.epoch().at(0).to_string()).await;
    reader.read_until(LIMIT, |text| text.ends_with("\n\n")).await;
    server.restart().await;
    expect_exactly(&mut reader, &log, &for_ann(0..60)).await;
}

#[tokio::test]
async fn a_log_that_lost_its_last_messages_is_told_as_a_gap_and_the_stream_goes_on() {
    let mut server = NatsServer::start().await;
    let log = open(&server).await;
    let node = Node::start(&log, Settings::default()).await;
    let mut reader = node.connect("ann").await;
    append(&log, &mixed(0..9)).await;
    reader.take(6, LIMIT).await;
    let snapshot = server.snapshot_of_now().await;
    append(&log, &mixed(9..30)).await;
    reader.take(14, LIMIT).await;
    server.restart_from(&snapshot).await;
    let gap = reader.next(LIMIT).await.expect("the stream goes on");
    assert_eq!(gap.event, "gap");
    assert!(gap.data.contains("\"reason\":\"ahead_of_log\""), "{}", gap.data);
    assert_eq!(gap.id, log.epoch().at(9).to_string());
    append(&log, &mixed(30..36)).await;
    expect_exactly(&mut reader, &log, &for_ann(30..36)).await;
}

#[tokio::test]
async fn a_log_that_lost_its_last_messages_and_has_grown_over_them_since_is_told_as_a_gap_too() {
    let mut server = NatsServer::start().await;
    let log = open(&server).await;
    let network = Link::to(server.address()).await;
    let far = event_log::Settings {
        url: format!("nats://{}", network.address()),
        ack_timeout: Duration::from_secs(2),
        ..event_log::Settings::default()
    };
    let far = EventLog::open(&far).await.expect("the log opens");
    let node = Node::start(&far, Settings::default()).await;
    let mut reader = node.connect("ann").await;
    append(&log, &mixed(0..9)).await;
    reader.take(6, LIMIT).await;
    let snapshot = server.snapshot_of_now().await;
    append(&log, &mixed(9..30)).await;
    reader.take(14, LIMIT).await;
    // The appender is faster than the edge.
    network.set(Condition::Down);
    server.restart_from(&snapshot).await;
    append(&log, &mixed(30..60)).await;
    network.set(Condition::Open);
    let gap = reader.next(LIMIT).await.expect("the stream goes on");
    assert_eq!(
        (gap.event.as_str(), gap.id),
        ("gap", log.epoch().at(9).to_string())
    );
    assert!(gap.data.contains("\"reason\":\"ahead_of_log\""), "{}", gap.data);
    let events = reader.take(for_ann(30..60).len(), LIMIT).await;
    assert_eq!(data(&events), for_ann(30..60));
    // Nothing of what was lost is left in the window.
    let mut later = node.reconnect("ann", &log.epoch().at(9).to_string()).await;
    expect_exactly(&mut later, &log, &for_ann(30..60)).await;
}

#[tokio::test]
async fn a_log_that_was_replaced_ends_the_node_and_the_next_one_tells_the_clients() {
    let mut server = NatsServer::start().await;
    let old = open(&server).await;
    let mut node = Node::start(&old, Settings::default()).await;
    let mut reader = node.connect("ann").await;
    append(&old, &mixed(0..9)).await;
    reader.take(for_ann(0..9).len(), LIMIT).await;
    server.restart_empty().await;
    let log = open(&server).await;
    assert!(reader.next(LIMIT).await.is_none(), "the stream ends");
    assert!(
        (&mut node.tail).await.expect("no panic").is_err(),
        "the node says why it ended"
    );
    let next = Node::start(&log, Settings::default()).await;
    let id = reader.last_event_id().expect("there is always an id");
    let mut again = next.reconnect("ann", &id).await;
    let gap = again.next(LIMIT).await.expect("the stream goes on");
    assert_eq!(
        (gap.event.as_str(), gap.id),
        ("gap", log.epoch().at(0).to_string())
    );
    assert!(gap.data.contains("\"reason\":\"epoch_changed\""), "{}", gap.data);
    append(&log, &mixed(0..9)).await;
    expect_exactly(&mut again, &log, &for_ann(0..9)).await;
}
