//! Whoever was cut off gets what it missed: all of it, once, in order.

use edge::Settings;
use test_support::nats::NatsServer;

use crate::{LIMIT, Node, append, data, expect_exactly, for_ann, mixed, open};

/// Connected, cut off after some events, and reconnected with the id that a browser would send.
async fn cut_off_and_reconnected(first: &Node, second: &Node, log: &event_log::EventLog) {
    let mut connected = first.connect("ann").await;
    append(log, &mixed(0..30)).await;
    let live = connected.take(20, LIMIT).await;
    assert_eq!(data(&live), for_ann(0..30));
    let id = connected.last_event_id().expect("events have ids");
    drop(connected);
    append(log, &mixed(30..90)).await;
    let mut again = second.reconnect("ann", &id).await;
    expect_exactly(&mut again, log, &for_ann(30..90)).await;
}

#[tokio::test]
async fn a_client_that_was_cut_off_gets_exactly_what_it_missed_from_the_same_edge() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let node = Node::start(&log, Settings::default()).await;
    cut_off_and_reconnected(&node, &node, &log).await;
}

#[tokio::test]
async fn a_client_that_was_cut_off_gets_exactly_what_it_missed_from_another_edge() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let first = Node::start(&log, Settings::default()).await;
    let second = Node::start(&open(&server).await, Settings::default()).await;
    cut_off_and_reconnected(&first, &second, &log).await;
}

#[tokio::test]
async fn a_client_that_was_cut_off_gets_exactly_what_it_missed_from_an_edge_that_started_since() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let first = Node::start(&log, Settings::default()).await;
    let mut connected = first.connect("ann").await;
    append(&log, &mixed(0..3)).await;
    connected.take(2, LIMIT).await;
    let id = connected.last_event_id().expect("events have ids");
    drop((connected, first));
    append(&log, &mixed(3..33)).await;
    let second = Node::start(&open(&server).await, Settings::default()).await;
    let mut again = second.reconnect("ann", &id).await;
    expect_exactly(&mut again, &log, &for_ann(3..33)).await;
}

#[tokio::test]
async fn a_client_that_was_cut_off_before_its_first_event_has_a_position_all_the_same() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let node = Node::start(&log, Settings::default()).await;
    let mut connected = node.connect("ann").await;
    let events = connected.read_until(LIMIT, |text| text.ends_with("\n\n")).await;
    assert!(events.is_empty(), "nothing has happened yet");
    let id = connected
        .last_event_id()
        .expect("the first bytes carry a position");
    drop(connected);
    append(&log, &mixed(0..12)).await;
    let mut again = node.reconnect("ann", &id).await;
    expect_exactly(&mut again, &log, &for_ann(0..12)).await;
}

#[tokio::test]
async fn a_client_that_is_cut_off_again_and_again_between_two_edges_gets_everything_once_and_in_order() {
    const COUNT: u32 = 1_500;
    let server = NatsServer::start().await;
    let log = open(&server).await;
    // One of them serves from memory, the other nearly always from the log.
    let nodes = [
        Node::start(&log, Settings::default()).await,
        Node::start(&log, crate::tiny_window()).await,
    ];
    let mut reader = nodes[0].connect("ann").await;
    reader.read_until(LIMIT, |text| text.ends_with("\n\n")).await;
    let appending = tokio::spawn({
        let log = log.clone();
        async move {
            for start in (0..COUNT).step_by(10) {
                append(&log, &mixed(start..start + 10)).await;
            }
        }
    });
    let expected = for_ann(0..COUNT);
    let mut received = Vec::new();
    for round in 1_usize.. {
        // A different number each time, so that cuts fall on every kind of place.
        let some = (round * 7 % 23).min(expected.len() - received.len());
        received.extend(reader.take(some, LIMIT).await.into_iter().map(|event| event.data));
        if received.len() == expected.len() {
            break;
        }
        let id = reader.last_event_id().expect("there is always an id");
        reader = nodes[round % 2].reconnect("ann", &id).await;
    }
    appending.await.expect("all are appended");
    assert_eq!(received, expected);
}
