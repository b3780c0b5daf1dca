//! Long polling: the same log, in answers that end.

use std::time::Duration;

use edge::Settings;
use event_log::EventLog;
use reqwest::{Response, StatusCode};
use serde_json::Value;
use test_support::nats::NatsServer;
use test_support::sse::SseReader;

use crate::{LIMIT, Node, append, for_ann, mixed, open, own, purge_before, shared, tiny_window, token};

/// Sends a poll as a user, with a query such as `from=earliest`.
async fn send(node: &Node, user: &str, query: &str) -> Response {
    let url = format!("{}/v1/events?{query}", node.url.trim_end_matches("/v1/stream"));
    let request = reqwest::Client::new().get(url).bearer_auth(token(user));
    let answer = tokio::time::timeout(LIMIT, request.send()).await;
    answer.expect("an answer in time").expect("an answer")
}

/// The answer of a poll that is served.
async fn poll(node: &Node, user: &str, query: &str) -> Value {
    let answer = send(node, user, query).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    answer.json().await.expect("JSON")
}

fn cursor(answer: &Value) -> &str {
    answer["cursor"].as_str().expect("every answer has a cursor")
}

fn data(answer: &Value) -> Vec<&str> {
    let events = answer["events"].as_array().expect("a list").iter();
    events
        .map(|event| event["data"].as_str().expect("a text"))
        .collect()
}

/// A poll that goes on while something else happens.
fn waiting(node: &Node, user: &'static str, query: &str) -> tokio::task::JoinHandle<Response> {
    let url = format!("{}/v1/events?{query}", node.url.trim_end_matches("/v1/stream"));
    let request = reqwest::Client::new().get(url).bearer_auth(token(user));
    tokio::spawn(async move { request.send().await.expect("an answer") })
}

#[tokio::test]
async fn a_poll_that_waits_is_answered_when_there_is_something_and_with_the_bytes_of_the_stream() {
    const PAYLOAD: &str = r#"{ "b" : 1.0e+2,  "a":[ 1,2 ],"text":"é \u00e9 \" 한" }"#;
    let server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &mixed(0..9)).await;
    let node = Node::start(&log, Settings::default()).await;
    let mut stream = node.connect("ann").await;
    stream.read_until(LIMIT, |text| text.contains("id: ")).await;
    let poll = waiting(&node, "ann", "wait=60s");
    node.has_streams(2).await;
    append(&log, &[own("bob", "not for ann"), own("ann", PAYLOAD)]).await;
    let answer = poll.await.expect("no panic");
    let expected = format!(
        r#"{{"events":[{{"cursor":"{epoch}.11","type":"message","data":{PAYLOAD}}}],"cursor":"{epoch}.11"}}"#,
        epoch = log.epoch()
    );
    assert_eq!(answer.text().await.expect("a body"), expected);
    let event = stream.next(LIMIT).await.expect("the stream goes on");
    assert_eq!((event.event.as_str(), event.data.as_str()), ("message", PAYLOAD));
}

#[tokio::test]
async fn a_poll_in_vain_says_from_where_to_go_on() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &mixed(0..3)).await;
    let node = Node::start(&log, Settings::default()).await;
    let nothing = poll(&node, "ann", "wait=0s").await;
    assert_eq!(data(&nothing), [""; 0]);
    assert_eq!(cursor(&nothing), log.epoch().at(3).to_string());
    append(&log, &[own("bob", "for bob")]).await;
    // What is for others need not be looked at again.
    let past_others = async {
        let mut answer = nothing;
        while cursor(&answer) != log.epoch().at(4).to_string() {
            answer = poll(&node, "ann", &format!("after={}&wait=50ms", cursor(&answer))).await;
            assert_eq!(data(&answer), [""; 0]);
        }
        answer
    };
    let others = tokio::time::timeout(LIMIT, past_others).await.expect("in time");
    append(&log, &[own("ann", "for ann")]).await;
    let something = poll(&node, "ann", &format!("after={}", cursor(&others))).await;
    assert_eq!(data(&something), ["for ann"]);
}

/// Polls between the nodes in turn until everything has come.
async fn poll_all(nodes: &[Node], start: &str, limits: &[usize], expected: &[String]) {
    let mut received = Vec::new();
    let mut query = start.to_owned();
    for round in 0.. {
        let limit = limits[round % limits.len()];
        let answer = poll(
            &nodes[round % nodes.len()],
            "ann",
            &format!("{query}&limit={limit}"),
        )
        .await;
        let page = data(&answer);
        assert!(page.len() <= limit, "{limit} were asked for: {page:?}");
        assert_eq!(answer.get("gap"), None);
        received.extend(page.iter().map(|event| (*event).to_owned()));
        assert!(received.len() <= expected.len(), "{:?}", received.last());
        if received.len() == expected.len() {
            break;
        }
        query = format!("after={}&wait=60s", cursor(&answer));
    }
    assert_eq!(received, expected);
}

#[tokio::test]
async fn whoever_polls_from_cursor_to_cursor_gets_everything_once_and_in_order_from_any_edge() {
    const COUNT: u32 = 600;
    let server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &mixed(0..COUNT / 2)).await;
    // One of them serves from memory, the other nearly always from the log.
    let nodes = [
        Node::start(&log, Settings::default()).await,
        Node::start(&log, tiny_window()).await,
    ];
    let appending = tokio::spawn({
        let log = log.clone();
        async move {
            for start in (COUNT / 2..COUNT).step_by(10) {
                append(&log, &mixed(start..start + 10)).await;
            }
        }
    });
    poll_all(
        &nodes,
        "from=earliest",
        &[1, 3, 100, 7, 32, 33],
        &for_ann(0..COUNT),
    )
    .await;
    appending.await.expect("all are appended");
    poll_all(&nodes, "since=1h", &[1_000, 90], &for_ann(0..COUNT)).await;
}

#[tokio::test]
async fn an_answer_is_bounded_in_bytes_whatever_its_limit() {
    const BYTES: usize = 12_000;
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let payloads: Vec<String> = (0..200).map(|number| format!("{number:0>BYTES$}")).collect();
    let records: Vec<_> = payloads.iter().map(|payload| own("ann", payload)).collect();
    append(&log, &records).await;
    let node = Node::start(&log, Settings::default()).await;
    let answer = send(&node, "ann", "from=earliest&limit=1000").await;
    let bytes = answer.bytes().await.expect("a body").len();
    assert!((1_000_000..1_300_000).contains(&bytes), "{bytes}");
    poll_all(&[node], "from=earliest", &[1_000], &payloads).await;
}

/// What an answer says of a gap, without which there would be no events missing.
async fn gap(node: &Node, cursor: &str) -> Value {
    let answer = poll(node, "ann", &format!("after={cursor}&wait=60s&limit=1000")).await;
    let gap = answer["gap"].clone();
    assert_eq!(gap["requested"], cursor, "{answer}");
    let mut stream: SseReader = node.reconnect("ann", cursor).await;
    let told = stream.next(LIMIT).await.expect("the stream goes on");
    assert_eq!(told.event, "gap");
    assert_eq!(
        told.data,
        serde_json::to_string(&gap).expect("JSON"),
        "as in a stream"
    );
    answer
}

#[tokio::test]
async fn what_a_poll_cannot_get_is_told_as_a_gap_and_the_rest_comes() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &mixed(0..60)).await;
    purge_before(&server, 31).await;
    let node = Node::start(&log, tiny_window()).await;
    let expired = gap(&node, &log.epoch().at(12).to_string()).await;
    assert_eq!(expired["gap"]["reason"], "expired");
    let mut received: Vec<_> = data(&expired).into_iter().map(str::to_owned).collect();
    let mut next = cursor(&expired).to_owned();
    while received.len() < for_ann(30..60).len() {
        let more = poll(&node, "ann", &format!("after={next}&wait=60s")).await;
        received.extend(data(&more).into_iter().map(str::to_owned));
        cursor(&more).clone_into(&mut next);
    }
    assert_eq!(received, for_ann(30..60));
    let ahead = log.epoch().at(61).to_string();
    for (asked, reason) in [(ahead.as_str(), "ahead_of_log"), ("another.5", "epoch_changed")] {
        let told = gap(&node, asked).await;
        assert_eq!(told["gap"]["reason"], reason);
        assert_eq!(data(&told), [""; 0], "told at once, though there is nothing else");
        assert_eq!(cursor(&told), log.epoch().at(60).to_string());
    }
}

async fn expect_problem(answer: Response, status: StatusCode) -> Value {
    assert_eq!(answer.status(), status);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    answer.json().await.expect("JSON")
}

/// That whoever polls is told to come back.
async fn expect_later(answer: Response, status: StatusCode) {
    let retry_after = answer.headers()["retry-after"].clone();
    let seconds: u64 = retry_after
        .to_str()
        .expect("text")
        .parse()
        .expect("whole seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
    expect_problem(answer, status).await;
}

#[tokio::test]
async fn a_malformed_poll_and_one_without_a_token_are_refused() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let node = Node::start(&log, Settings::default()).await;
    for query in [
        "after=abc",
        "since=soon",
        "from=now",
        "wait=2m",
        "wait=1",
        "limit=0",
        "limit=many",
    ] {
        let told = expect_problem(send(&node, "ann", query).await, StatusCode::BAD_REQUEST).await;
        let name = query.split('=').next().expect("a name");
        assert!(told["detail"].as_str().expect("a text").contains(name), "{told}");
    }
    let url = node.url.replace("/v1/stream", "/v1/events");
    for token in ["", "x.y.z"] {
        let answer = reqwest::Client::new().get(&url).bearer_auth(token).send().await;
        expect_problem(answer.expect("an answer"), StatusCode::UNAUTHORIZED).await;
    }
}

#[tokio::test]
async fn a_poll_that_waits_counts_as_a_stream_and_gives_its_place_up_with_its_client() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let settings = Settings {
        max_streams: 2,
        max_streams_per_user: 1,
        heartbeat: Duration::from_secs(3_600),
        ..Settings::default()
    };
    let node = Node::start(&log, settings).await;
    let first = waiting(&node, "ann", "wait=60s");
    node.has_streams(1).await;
    expect_later(send(&node, "ann", "").await, StatusCode::TOO_MANY_REQUESTS).await;
    let second = waiting(&node, "bob", "wait=60s");
    node.has_streams(2).await;
    expect_later(send(&node, "cem", "").await, StatusCode::SERVICE_UNAVAILABLE).await;
    first.abort();
    node.has_streams(1).await;
    append(&log, &[shared("news")]).await;
    let answer: Value = second.await.expect("no panic").json().await.expect("JSON");
    assert_eq!(data(&answer), ["news"]);
    node.has_streams(0).await;
}

#[tokio::test]
async fn a_node_that_ends_answers_the_polls_that_wait_with_where_they_stand() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &mixed(0..9)).await;
    let mut node = Node::start(&log, Settings::default()).await;
    let poll = waiting(&node, "ann", "wait=60s");
    node.has_streams(1).await;
    node.cancel.cancel();
    let answer = poll.await.expect("no panic");
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.expect("JSON");
    assert_eq!(data(&answer), [""; 0]);
    assert_eq!(cursor(&answer), log.epoch().at(9).to_string());
    let finished = tokio::time::timeout(LIMIT, &mut node.server).await;
    finished
        .expect("the server finishes")
        .expect("no panic")
        .expect("no error");
}

#[tokio::test]
async fn a_poll_that_only_a_lost_log_could_answer_is_told_to_come_back_and_loses_nothing() {
    let mut server = NatsServer::start().await;
    let log: EventLog = open(&server).await;
    append(&log, &mixed(0..60)).await;
    let node = Node::start(&log, tiny_window()).await;
    let after = format!("after={}&wait=0s", log.epoch().at(0));
    server.kill().await;
    expect_later(send(&node, "ann", &after).await, StatusCode::SERVICE_UNAVAILABLE).await;
    let unready = Node::start_unready(&log, Settings::default()).await;
    expect_later(send(&unready, "ann", "").await, StatusCode::SERVICE_UNAVAILABLE).await;
    server.restart().await;
    poll_all(&[node], &after, &[1_000], &for_ann(0..60)).await;
}

#[tokio::test]
async fn a_log_that_lost_its_last_messages_is_told_as_a_gap_to_the_poll_that_waits() {
    let mut server = NatsServer::start().await;
    let log = open(&server).await;
    append(&log, &mixed(0..9)).await;
    let snapshot = server.snapshot_of_now().await;
    let node = Node::start(&log, Settings::default()).await;
    append(&log, &mixed(9..30)).await;
    let lost = log.epoch().at(30).to_string();
    let poll = waiting(&node, "ann", &format!("after={lost}&wait=60s"));
    node.has_streams(1).await;
    server.restart_from(&snapshot).await;
    let answer: Value = poll.await.expect("no panic").json().await.expect("JSON");
    assert_eq!(answer["gap"]["reason"], "ahead_of_log");
    assert_eq!(answer["gap"]["requested"], lost);
    assert_eq!(cursor(&answer), log.epoch().at(9).to_string());
    append(&log, &mixed(30..36)).await;
    poll_all(
        &[node],
        &format!("after={}", cursor(&answer)),
        &[1_000],
        &for_ann(30..36),
    )
    .await;
}

#[tokio::test]
async fn nobody_polls_what_is_another_ones() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    append(
        &log,
        &[own("ann", "for ann"), own("bob", "for bob"), shared("for all")],
    )
    .await;
    for settings in [Settings::default(), tiny_window()] {
        let node = Node::start(&log, settings).await;
        for start in [
            "from=earliest".to_owned(),
            "since=1h".to_owned(),
            format!("after={}", log.epoch().at(0)),
            format!("after={}", log.epoch().at(1)),
        ] {
            let query = format!("{start}&user=ann&sub=ann&wait=0s");
            let mut received = Vec::new();
            let mut answer = poll(&node, "bob", &query).await;
            while !data(&answer).is_empty() {
                received.extend(data(&answer).into_iter().map(str::to_owned));
                answer = poll(&node, "bob", &format!("after={}&wait=0s", cursor(&answer))).await;
            }
            assert_eq!(received, ["for bob", "for all"]);
        }
    }
}
