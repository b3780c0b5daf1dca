//! How a node ends while its clients are connected.

use std::time::Duration;

use edge::Settings;
use test_support::nats::NatsServer;

use crate::{LIMIT, Node, append, open, shared};

#[tokio::test]
async fn a_node_that_is_told_to_end_sends_its_clients_away_one_after_the_other_and_serves_the_others_meanwhile()
 {
    const CLIENTS: usize = 20;
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let mut node = Node::start(
        &log,
        Settings {
            drain: Duration::from_secs(20),
            ..Settings::default()
        },
    )
    .await;
    let mut readers = Vec::new();
    for _ in 0..CLIENTS {
        let mut reader = node.connect("ann").await;
        reader.read_until(LIMIT, |text| text.contains("id: ")).await;
        readers.push(reader);
    }
    node.cancel.cancel();
    node.has_streams(CLIENTS - 3).await;
    assert!(!node.edge.ready(), "no new clients are wanted");
    let mut new = node.connect("ann").await;
    assert_eq!(new.status, 200);
    assert!(new.next(LIMIT).await.is_none(), "sent away");
    append(&log, &[shared("news")]).await;
    let mut told = 0;
    for reader in &mut readers {
        let mut got = Vec::new();
        while let Some(event) = reader.next(LIMIT).await {
            got.push(event.data);
        }
        assert!(got.len() <= 1, "{got:?}");
        let position = log.epoch().at(got.len() as u64);
        let text = reader.text();
        assert!(text.ends_with(&format!("id: {position}\n\n")), "{text}");
        assert_eq!(
            text.matches("retry: ").count(),
            2,
            "each is told when to come back"
        );
        told += got.len();
    }
    assert!((1..=CLIENTS - 3).contains(&told), "{told}");
    tokio::time::timeout(LIMIT, &mut node.server)
        .await
        .expect("the server finishes")
        .expect("no panic")
        .expect("no error");
}
