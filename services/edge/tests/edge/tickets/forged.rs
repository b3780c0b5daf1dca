//! Tickets that nobody made.

use edge::Settings;
use proptest::collection;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use reqwest::{Client, StatusCode};
use test_support::nats::NatsServer;

use super::ticket;
use crate::{LIMIT, Node, open};

/// Whatever somebody may send instead of a ticket, and a good one with one character changed.
fn forged(good: String) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        collection::vec(any::<u8>(), 0..200),
        "[0-9a-f]{64}".prop_map(String::into_bytes),
        "[0-9a-f.*>]{0,70}".prop_map(String::into_bytes),
        (any::<Index>(), 1_u8..=255).prop_map(move |(at, change)| {
            let mut bytes = good.clone().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= change;
            bytes
        }),
    ]
}

#[test]
fn a_forged_ticket_is_refused_whatever_it_is() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (server, node, good) = runtime.block_on(async {
        let server = NatsServer::start().await;
        let node = Node::start(&open(&server).await, Settings::default()).await;
        let good = ticket(&node, "ann").await;
        (server, node, good)
    });
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(500)
    });
    let client = Client::new();
    let outcome = runner.run(&forged(good), |bytes| {
        let encoded: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
        let request = client
            .get(format!("{}?ticket={encoded}", node.url))
            .timeout(LIMIT);
        let response = runtime.block_on(async { request.send().await });
        prop_assert_eq!(response.expect("an answer").status(), StatusCode::UNAUTHORIZED);
        Ok(())
    });
    outcome.expect("every one is refused");
    drop((node, server));
}
