//! Streams that are opened with a ticket.

mod forged;
mod logs;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use edge::Settings;
use event_log::EventLog;
use futures::future::join_all;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use test_support::link::{Condition, Link};
use test_support::nats::NatsServer;
use test_support::sse::{Connect, SseReader};

use crate::{LIMIT, Node, append, expect_exactly, log_settings, open, own, shared, token, token_for};

fn ask(node: &Node) -> RequestBuilder {
    Client::new().post(format!("{}/ticket", node.url))
}

async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.expect("an answer");
    (response.status(), response.json().await.expect("JSON"))
}

/// A new ticket for somebody.
async fn ticket(node: &Node, user: &str) -> String {
    let (status, made) = answer(ask(node).bearer_auth(token(user))).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    made["ticket"].as_str().expect("a ticket").to_owned()
}

fn time(made: &Value) -> DateTime<Utc> {
    let written = made["expires_at"].as_str().expect("a time");
    written.parse().expect("a time")
}

async fn show(node: &Node, ticket: &str) -> SseReader {
    SseReader::connect(&format!("{}?ticket={ticket}", node.url), &Connect::default()).await
}

/// Whether it is a stream, and not what those get who are to come back.
async fn is_served(reader: &mut SseReader) -> bool {
    assert_eq!(reader.status, StatusCode::OK);
    reader.read_until(LIMIT, |text| text.contains("\n\n")).await;
    reader.text().contains("id: ")
}

async fn expect_sent_away(reader: &mut SseReader) {
    assert_eq!(reader.status, StatusCode::OK);
    assert!(reader.next(LIMIT).await.is_none(), "the stream ends by itself");
    let text = reader.text();
    assert!(text.starts_with("retry: ") && !text.contains("id: "), "{text}");
}

/// The status and everything that is said with it.
async fn refusal(node: &Node, query: &str) -> (StatusCode, String) {
    let response = Client::new().get(format!("{}{query}", node.url)).send().await;
    let response: Response = response.expect("an answer");
    (response.status(), response.text().await.expect("text"))
}

#[tokio::test]
async fn a_ticket_opens_one_stream_of_its_user_at_any_edge() {
    let server = NatsServer::start().await;
    let logs = [open(&server).await, open(&server).await];
    let nodes = [
        Node::start(&logs[0], Settings::default()).await,
        Node::start(&logs[1], Settings::default()).await,
    ];
    append(&logs[0], &[own("ann", "old"), own("bob", "not hers")]).await;
    for (made, used) in [(0, 0), (0, 1), (1, 0)] {
        let ticket = ticket(&nodes[made], "ann").await;
        let mut reader = show(&nodes[used], &format!("{ticket}&from=earliest")).await;
        assert_eq!(reader.next(LIMIT).await.expect("an event").data, "old");
        for node in &nodes {
            assert_eq!(show(node, &ticket).await.status, StatusCode::UNAUTHORIZED);
        }
    }
    let mut reader = show(&nodes[1], &ticket(&nodes[0], "ann").await).await;
    assert!(is_served(&mut reader).await);
    append(
        &logs[0],
        &[own("bob", "not hers"), own("ann", "new"), shared("news")],
    )
    .await;
    expect_exactly(&mut reader, &logs[0], &["new".to_owned(), "news".to_owned()]).await;
}

#[tokio::test]
async fn a_ticket_is_answered_with_its_end_and_kept_by_nobody_on_the_way() {
    let server = NatsServer::start().await;
    let node = Node::start(&open(&server).await, Settings::default()).await;
    let before = Utc::now();
    let response = ask(&node)
        .bearer_auth(token("ann"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let made: Value = response.json().await.expect("JSON");
    let expires_at = time(&made);
    let life = expires_at - before;
    assert!(
        TimeDelta::seconds(29) <= life && life <= TimeDelta::seconds(60),
        "{life}"
    );
    // A ticket that is made of a token which ends sooner ends with it.
    let short = token_for("ann", TimeDelta::seconds(12));
    let (_, made) = answer(ask(&node).bearer_auth(short)).await;
    let expires_at = time(&made);
    assert!(expires_at - before <= TimeDelta::seconds(20), "{expires_at}");
}

#[tokio::test]
async fn tickets_are_made_for_those_with_a_token_and_not_for_another_site() {
    let server = NatsServer::start().await;
    let node = Node::start(&open(&server).await, Settings::default()).await;
    assert_eq!(answer(ask(&node)).await.0, StatusCode::UNAUTHORIZED);
    let used = ticket(&node, "ann").await;
    let with_a_ticket = Client::new().post(format!("{}/ticket?ticket={used}", node.url));
    assert_eq!(answer(with_a_ticket).await.0, StatusCode::UNAUTHORIZED);
    let cookie = format!("lastcall_token={}", token("ann"));
    let with_cookie = || ask(&node).header("cookie", &cookie);
    assert_eq!(answer(with_cookie()).await.0, StatusCode::CREATED);
    let foreign = with_cookie().header("sec-fetch-site", "cross-site");
    assert_eq!(answer(foreign).await.0, StatusCode::FORBIDDEN);
    // Believed for some seconds more elsewhere, and of no use for a stream.
    let ended = ask(&node).bearer_auth(token_for("ann", TimeDelta::seconds(-3)));
    assert_eq!(answer(ended).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_ticket_counts_before_whatever_else_the_request_carries() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let node = Node::start(&log, Settings::default()).await;
    append(&log, &[own("ann", "hers"), own("bob", "his")]).await;
    for (header, value) in [
        ("authorization", format!("Bearer {}", token("bob"))),
        ("cookie", format!("lastcall_token={}", token("bob"))),
        ("cookie", "lastcall_token=nothing.of.ours".to_owned()),
    ] {
        let address = format!("{}?from=earliest&ticket={}", node.url, ticket(&node, "ann").await);
        let mut response = Client::new()
            .get(address)
            .header(header, value)
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        let mut text = String::new();
        while !text.contains("data: ") {
            let bytes = tokio::time::timeout(LIMIT, response.chunk())
                .await
                .expect("in time");
            let bytes = bytes.expect("no error").expect("the stream goes on");
            text.push_str(std::str::from_utf8(&bytes).expect("text"));
        }
        assert!(text.contains("data: hers") && !text.contains("his"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_who_show_a_ticket_at_two_edges_at_once_one_gets_the_stream() {
    const ROUNDS: usize = 60;
    const EACH: usize = 3;
    let server = NatsServer::start().await;
    let nodes = [
        Node::start(&open(&server).await, Settings::default()).await,
        Node::start(&open(&server).await, Settings::default()).await,
    ];
    for round in 0..ROUNDS {
        let ticket = ticket(&nodes[round % 2], &format!("user {round}")).await;
        let shown = (0..2 * EACH).map(|number| {
            let url = format!("{}?ticket={ticket}", nodes[number % 2].url);
            tokio::spawn(async move { SseReader::connect(&url, &Connect::default()).await })
        });
        let mut served = 0;
        for reader in join_all(shown.collect::<Vec<_>>()).await {
            let mut reader = reader.expect("no panic");
            match reader.status {
                StatusCode::UNAUTHORIZED => {}
                _ => served += usize::from(is_served(&mut reader).await),
            }
        }
        assert_eq!(served, 1, "in round {round}");
    }
}

#[tokio::test]
async fn whatever_is_wrong_with_a_ticket_the_answer_is_the_same() {
    let server = NatsServer::start().await;
    let node = Node::start(&open(&server).await, Settings::default()).await;
    let never_made = "0123456789abcdef".repeat(4);
    // Before there is a place for tickets at all.
    let expected = refusal(&node, &format!("?ticket={never_made}")).await;
    assert_eq!(expected.0, StatusCode::UNAUTHORIZED);
    let problem: Value = serde_json::from_str(&expected.1).expect("problem+json");
    assert_eq!(problem["type"], "urn:lastcall:problem:unauthenticated");
    let ends_at = Utc::now() + TimeDelta::seconds(6);
    let ending = token_for("ann", TimeDelta::seconds(6));
    let (_, made) = answer(ask(&node).bearer_auth(ending)).await;
    let ending = made["ticket"].as_str().expect("a ticket").to_owned();
    let used = ticket(&node, "ann").await;
    assert!(is_served(&mut show(&node, &used).await).await);
    let good = ticket(&node, "ann").await;
    for query in [
        format!("?ticket={used}"),
        format!("?ticket={never_made}"),
        format!("?ticket={}", good.to_uppercase()),
        format!("?ticket={good}&ticket={good}"),
        format!("?ticket={good}%20"),
        "?ticket=".to_owned(),
        "?ticket=*".to_owned(),
        "?ticket=%3E%0d%0a".to_owned(),
    ] {
        assert_eq!(refusal(&node, &query).await, expected, "{query}");
    }
    // Of a token that has ended since.
    while Utc::now() < ends_at {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(refusal(&node, &format!("?ticket={ending}")).await, expected);
    assert!(
        is_served(&mut show(&node, &good).await).await,
        "none of this used it up"
    );
}

/// Shows ann's ticket until she gets her first event with it. A ticket that is refused meanwhile is no good one.
async fn show_until_served(node: &Node, ticket: &str) -> SseReader {
    let served = async {
        loop {
            let mut reader = show(node, &format!("{ticket}&from=earliest")).await;
            assert_eq!(reader.status, StatusCode::OK);
            if let Some(event) = reader.next(LIMIT).await {
                assert_eq!(event.data, "first");
                return reader;
            }
        }
    };
    tokio::time::timeout(LIMIT, served)
        .await
        .expect("it is served in time")
}

#[tokio::test]
async fn a_client_that_is_to_come_back_comes_back_with_the_same_ticket() {
    let server = NatsServer::start().await;
    let address = server.url().replace("nats://", "").parse().expect("an address");
    let link = Link::to(address).await;
    let url = format!("nats://{}", link.address());
    let settings = event_log::Settings {
        url,
        ..log_settings(&server)
    };
    let log = EventLog::open(&settings).await.expect("the log opens");
    let limits = Settings {
        max_streams: 1,
        ..Settings::default()
    };
    let node = Node::start(&log, limits).await;
    append(&log, &[own("ann", "first")]).await;
    let [first, second] = [ticket(&node, "ann").await, ticket(&node, "ann").await];
    let other = node.connect("bob").await;
    node.has_streams(1).await;
    expect_sent_away(&mut show(&node, &first).await).await;
    drop(other);
    node.has_streams(0).await;
    for (condition, ticket) in [(Condition::Silent, first), (Condition::Down, second)] {
        link.set(condition);
        expect_sent_away(&mut show(&node, &ticket).await).await;
        link.set(Condition::Open);
        drop(show_until_served(&node, &ticket).await);
        node.has_streams(0).await;
    }
}

#[tokio::test]
async fn without_the_log_no_ticket_is_made_and_one_that_lost_its_memory_takes_new_ones() {
    let mut server = NatsServer::start().await;
    let node = Node::start(&open(&server).await, Settings::default()).await;
    let lost = ticket(&node, "ann").await;
    server.kill().await;
    expect_sent_away(&mut show(&node, &lost).await).await;
    let (status, problem) = answer(ask(&node).bearer_auth(token("ann"))).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(problem["type"], "urn:lastcall:problem:tickets-unavailable");
    server.restart().await;
    let asked = async {
        while show(&node, &lost).await.status == StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LIMIT, asked).await.expect("the log is back");
    assert!(is_served(&mut show(&node, &ticket(&node, "ann").await).await).await);
}

#[tokio::test]
async fn who_makes_too_many_tickets_waits_and_nobody_else_does() {
    let server = NatsServer::start().await;
    let limits = Settings {
        max_streams_per_user: 2,
        ..Settings::default()
    };
    let node = Node::start(&open(&server).await, limits).await;
    for _ in 0..8 {
        ticket(&node, "ann").await;
    }
    let refused = ask(&node)
        .bearer_auth(token("ann"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "30");
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    ticket(&node, "bob").await;
}
