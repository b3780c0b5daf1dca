//! How streams and polls began and ended, and who got none.

use std::time::Duration;

use chrono::TimeDelta;
use edge::Settings;
use test_support::nats::NatsServer;
use test_support::sse::{Connect, SseReader};

use super::{Admin, begun, large_events};
use crate::sockets::ask;
use crate::{LIMIT, Node, append, for_ann, mixed, open, purge_before, tiny_window, token, token_for};

#[tokio::test]
async fn streams_are_counted_by_where_they_went_on_from_and_why_they_ended() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &mixed(0..60)).await;
    purge_before(&server, 31).await;
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
    // On a socket of its own, and through the server.
    for (version, stalled) in [("1.1", 1.0), ("1.0", 2.0)] {
        let deaf = ask(&node, version, "").await;
        node.has_streams(1).await;
        append(&log, &large_events()).await;
        admin
            .reaches("streams_ended_total{reason=\"stalled\"}", stalled)
            .await;
        drop(deaf);
    }
}

/// That a client who asks like that is sent away, and counted so.
async fn expect_refused(node: &Node, query: &str, reason: &str) {
    let admin = Admin::of(node).await;
    let series = format!("refused_total{{reason=\"{reason}\"}}");
    assert_eq!(admin.value(&series).await, 0.0, "{reason}");
    let mut refused = node.connect_with("ann", query).await;
    assert!(refused.next(LIMIT).await.is_none(), "{reason}");
    assert_eq!(admin.value(&series).await, 1.0, "{reason}");
}

#[tokio::test]
async fn whoever_is_sent_away_is_counted_by_why() {
    let mut server = NatsServer::start().await;
    let log = open(&server).await;
    let usual = Settings::default;
    let limits = [
        (
            Settings {
                max_streams: 1,
                ..usual()
            },
            "limit_all",
        ),
        (
            Settings {
                max_streams_per_user: 1,
                ..usual()
            },
            "limit_user",
        ),
        (
            Settings {
                max_streams_per_address: 1,
                ..usual()
            },
            "limit_address",
        ),
    ];
    for (settings, reason) in limits {
        let node = Node::start(&log, settings).await;
        let _first = begun(node.connect("ann").await).await;
        expect_refused(&node, "", reason).await;
    }
    let node = Node::start(&log, usual()).await;
    server.kill().await;
    expect_refused(&node, "?from=earliest", "nats").await;
    expect_refused(&Node::start_unready(&log, usual()).await, "", "starting").await;
    // One alone might be the first to end, and its node with it.
    let mut others = Vec::new();
    for _ in 0..8 {
        others.push(begun(node.connect("ann").await).await);
    }
    node.cancel.cancel();
    let draining = async {
        while node.edge.ready() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, draining).await.expect("it drains");
    expect_refused(&node, "", "draining").await;
}

#[tokio::test]
async fn polls_are_counted_beside_streams() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &mixed(0..6)).await;
    let node = Node::start(&log, Settings::default()).await;
    let admin = Admin::of(&node).await;
    let url = node.url.replace("/v1/stream", "/v1/events?from=earliest");
    let request = reqwest::Client::new().get(url).bearer_auth(token("ann"));
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
