//! Which events were delivered, from where, and how fast.

use std::time::Duration;

use edge::Settings;
use event_log::EventLog;
use test_support::link::{Condition, Link};
use test_support::nats::NatsServer;

use super::{Admin, begun, large_events};
use crate::sockets::COUNT;
use crate::{LIMIT, Node, append, for_ann, log_settings, mixed, open, own, tiny_window};

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
    assert!(from_log > replayed / 2.0, "{from_log}");
    assert_eq!(admin.replayed().await, replayed);
}

#[tokio::test]
async fn what_was_missed_is_counted_as_replayed_though_heartbeats_go_out_while_the_log_is_read() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &mixed(0..60)).await;
    let network = Link::to(server.address()).await;
    let far = event_log::Settings {
        url: format!("nats://{}", network.address()),
        ..log_settings(&server)
    };
    let far = EventLog::open(&far).await.expect("the log opens");
    let settings = Settings {
        heartbeat: Duration::from_millis(100),
        ..tiny_window()
    };
    let node = Node::start(&far, settings).await;
    let admin = Admin::of(&node).await;
    network.set(Condition::Slow(Duration::from_millis(150)));
    let mut behind = node.reconnect("ann", &log.epoch().at(0).to_string()).await;
    let missed = for_ann(0..60).len();
    behind.take(missed, LIMIT).await;
    assert!(behind.text().contains(": heartbeat"), "{}", behind.text());
    admin.reaches("events_delivered_total", missed as f64).await;
    assert_eq!(admin.replayed().await, missed as f64);
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
