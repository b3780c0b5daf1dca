//! Nobody gets what is somebody else's.

use edge::Settings;
use test_support::nats::NatsServer;
use test_support::sse::{Connect, SseReader};

use crate::{LIMIT, Node, append, open, own, shared, tiny_window, token};

/// Names that would name others, were they taken for more than names.
const NAMES: [&str; 8] = ["ann", "bob", "ann.bob", "*", ">", "%2A", "all", "ann\r\nid: x.1"];

#[tokio::test]
async fn nobody_gets_another_persons_events_with_any_cursor_live_or_replayed() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let for_each = |round: usize| -> Vec<_> {
        NAMES
            .iter()
            .map(|name| own(name, &format!("{round} for {}", name.escape_default())))
            .collect()
    };
    append(&log, &for_each(0)).await;
    let nodes = [
        Node::start(&log, Settings::default()).await,
        Node::start(&log, tiny_window()).await,
    ];
    append(&log, &for_each(1)).await;
    let mut readers = Vec::new();
    for node in &nodes {
        for name in NAMES {
            readers.push((
                name,
                node.connect_with(name, "?from=earliest&user=bob&sub=bob").await,
            ));
            readers.push((name, node.connect_with(name, "?since=1h&user_id=bob").await));
            for sequence in [0, 1, 5, NAMES.len() as u64 * 2, 1_000, u64::MAX] {
                readers.push((
                    name,
                    node.reconnect(name, &log.epoch().at(sequence).to_string()).await,
                ));
            }
            readers.push((name, node.reconnect(name, "another.3").await));
        }
    }
    append(&log, &for_each(2)).await;
    append(&log, &[shared("the end")]).await;
    let mut theirs = 0;
    for (name, mut reader) in readers {
        loop {
            let event = reader.next(LIMIT).await.expect("the stream goes on");
            match event.data.as_str() {
                "the end" => break,
                _ if event.event == "gap" => {}
                data => {
                    let owner = data.split_once(" for ").expect("an event of this test").1;
                    assert_eq!(owner, name.escape_default().to_string());
                    theirs += 1;
                }
            }
        }
    }
    assert!(
        theirs > NAMES.len() * nodes.len() * 9,
        "each of them got their own; {theirs}"
    );
}

#[tokio::test]
async fn without_a_valid_token_there_is_no_stream() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let node = Node::start(&log, Settings::default()).await;
    let forged = format!("{}x", token("ann"));
    for token in [None, Some(forged), Some("x.y.z".to_owned())] {
        let refused = SseReader::connect(
            &node.url,
            &Connect {
                token,
                last_event_id: None,
            },
        )
        .await;
        assert_eq!(refused.status, 401);
        assert_eq!(refused.headers["content-type"], "application/problem+json");
    }
}
