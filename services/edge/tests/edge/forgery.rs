//! Requests for a stream that nobody should send.

use std::cell::RefCell;
use std::collections::BTreeMap;

use edge::{Settings, TrustedProxies};
use proptest::bool::weighted;
use proptest::collection;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use test_support::nats::NatsServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{LIMIT, Node, append, expect_exactly, mixed, open, token};

/// What a request for a stream may be answered with, by the edge or by the server before it.
const STATUSES: [&str; 6] = ["200", "204", "400", "401", "414", "431"];

/// No answer before the connection ended.
const NONE: &str = "none";

/// More than that of a request is not read.
const MOST_HEAD_BYTES: usize = 16 * 1024;

/// One part of a request.
#[derive(Debug, Clone)]
struct Part {
    value: Vec<u8>,
    encoding: Encoding,
}

/// How it stands in the query.
#[derive(Debug, Clone, Copy)]
enum Encoding {
    Percent,
    None,
}

/// Something that is nearly right, or anything at all.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let near = prop_oneof![
        "[0-9a-z]{0,12}\\.[0-9]{0,22}",
        "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|\\+[0-9]{2}:[0-9]{2}|\\.[0-9]{0,30}Z)",
        "[0-9]{1,25}(s|m|h|d|y|months|ns)",
        Just("earliest".to_owned()),
        "[0-9a-f]{64}",
        "(Bearer|bearer|Basic)? ?[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,80}){0,3}",
        "(lastcall_token=?[A-Za-z0-9._-]{0,80}(; ?)?){0,4}",
        "([0-9]{1,4}\\.){3}[0-9]{1,4}(, ?[0-9a-f:.\\[\\]]{0,30}){0,5}",
        ".{0,60}",
    ];
    prop_oneof![
        4 => near.prop_map(String::into_bytes),
        2 => collection::vec(any::<u8>(), 0..300),
        1 => (1..40_000_usize, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]),
    ]
}

fn part() -> impl Strategy<Value = Part> {
    let encoding = prop_oneof![5 => Just(Encoding::Percent), 1 => Just(Encoding::None)];
    (value(), encoding).prop_map(|(value, encoding)| Part { value, encoding })
}

const PARAMETERS: [&str; 6] = ["last_event_id", "since", "from", "ticket", "", "x"];

const HEADERS: [&str; 6] = [
    "last-event-id",
    "authorization",
    "cookie",
    "x-forwarded-for",
    "accept",
    "origin",
];

/// A whole request, often of somebody with a good token.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let parameters = collection::vec((select(&PARAMETERS[..]), part()), 0..4);
    let headers = collection::vec((select(&HEADERS[..]), value()), 0..4);
    let good = format!("Bearer {}", token("ann")).into_bytes();
    (parameters, headers, weighted(0.7)).prop_map(move |(parameters, mut headers, authorised)| {
        if authorised {
            headers.insert(0, ("authorization", good.clone()));
        }
        let parameters = parameters.iter().map(|(name, part)| part.after(name));
        let query = parameters.collect::<Vec<_>>().join(&b'&');
        let mut request = [b"GET /v1/stream?", &query[..], b" HTTP/1.1\r\nhost: x\r\n"].concat();
        for (name, value) in headers {
            request.extend([name.as_bytes(), b": ", &value, b"\r\n"].concat());
        }
        request.extend(b"\r\n");
        request
    })
}

impl Part {
    fn after(&self, name: &str) -> Vec<u8> {
        let mut text = format!("{name}=").into_bytes();
        match self.encoding {
            Encoding::None => text.extend(&self.value),
            Encoding::Percent => {
                let encoded = self.value.iter().map(|byte| format!("%{byte:02X}"));
                text.extend(encoded.collect::<String>().into_bytes());
            }
        }
        text
    }
}

/// The status of the answer.
async fn status(node: &Node, request: &[u8]) -> String {
    let mut socket = TcpStream::connect(node.address()).await.expect("a connection");
    // A server that has read enough closes while the rest is on its way.
    let _ = socket.write_all(request).await;
    let mut heard = Vec::new();
    while heard.len() < "HTTP/1.1 200".len() {
        let mut bytes = [0; 64];
        let count = tokio::time::timeout(LIMIT, socket.read(&mut bytes)).await;
        match count.expect("an answer in time") {
            Ok(count) if count > 0 => heard.extend_from_slice(&bytes[..count]),
            Ok(_) | Err(_) => return NONE.to_owned(),
        }
    }
    String::from_utf8_lossy(&heard["HTTP/1.1 ".len().."HTTP/1.1 200".len()]).into_owned()
}

#[test]
fn whatever_is_asked_of_the_stream_the_answer_is_one_of_the_contract() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (server, log, node) = runtime.block_on(async {
        let server = NatsServer::start().await;
        let log = open(&server).await;
        append(&log, &mixed(0..30)).await;
        let settings = Settings {
            trusted_proxies: TrustedProxies::of(["127.0.0.0/8"]).expect("a network"),
            ..Settings::default()
        };
        let node = Node::start(&log, settings).await;
        (server, log, node)
    });
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(1_500)
    });
    let seen = RefCell::new(BTreeMap::<String, usize>::new());
    let outcome = runner.run(&request(), |request| {
        let status = runtime.block_on(status(&node, &request));
        // What the server did not read makes the kernel throw away what it said.
        let lost = status == NONE && request.len() > MOST_HEAD_BYTES;
        prop_assert!(lost || STATUSES.contains(&status.as_str()), "{}", status);
        *seen.borrow_mut().entry(status).or_default() += 1;
        Ok(())
    });
    outcome.expect("each answer is one of the contract");
    let seen = seen.into_inner();
    for expected in ["200", "400", "401", "431"] {
        assert!(
            seen.contains_key(expected),
            "the requests are of all kinds: {seen:?}"
        );
    }
    runtime.block_on(async {
        node.has_streams(0).await;
        let mut reader = node.connect("ann").await;
        reader.read_until(LIMIT, |text| text.contains("id: ")).await;
        expect_exactly(&mut reader, &log, &[]).await;
    });
    drop((node, server));
}
