//! The window, and how the tail that fills it gets on.

use edge::Settings;
use event_log::EventLog;
use test_support::nats::NatsServer;

use super::Admin;
use crate::{Node, append, log_settings, mixed, open};

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
