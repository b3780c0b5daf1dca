use std::time::Duration;

use axum::Extension;
use axum::http::HeaderValue;
use axum::middleware::map_response;
use axum::response::IntoResponse as _;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::{Instant, sleep};

use super::*;
use crate::http::patience::{HEAD_TIMEOUT, IDLE_TIMEOUT};
use crate::http::{Listener, Taken, Takeover};

/// Answers over the bare socket with what the client had sent already; without an offer, as usual.
async fn taken_over(offer: Option<Extension<Offer>>) -> Response {
    let mut response = "as usual".into_response();
    if offer.is_some() {
        response.extensions_mut().insert(Takeover::new(echo));
    }
    response
}

async fn echo(taken: Taken) {
    let Taken {
        mut socket,
        head,
        read,
    } = taken;
    let chunk = format!("{:x}\r\n", read.len());
    let parts = [&head[..], chunk.as_bytes(), &read[..], b"\r\n0\r\n\r\n"];
    socket.write_all(&parts.concat()).await.unwrap();
    socket.shutdown().await.unwrap();
}

/// Everything that the server says to these bytes until it closes.
async fn answers(request: &str) -> String {
    let router = Router::new()
        .route("/taken-over", get(taken_over))
        .route("/usual", get(async || "hello").post(async || "early"))
        .layer(map_response(async |mut response: Response| {
            response
                .headers_mut()
                .insert("x-layer", HeaderValue::from_static("seen"));
            response
        }));
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let (address, shutdown) = (listener.address(), CancellationToken::new());
    let server = tokio::spawn(listener.serve(router, shutdown.clone()));
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answers = String::new();
    socket.read_to_string(&mut answers).await.unwrap();
    shutdown.cancel();
    server.await.unwrap().unwrap();
    answers
}

#[tokio::test]
async fn an_answer_takes_the_socket_over_behind_others_and_gets_what_was_sent_too_early() {
    let usual = "GET /usual HTTP/1.1\r\nhost: x\r\n\r\n";
    let request = format!("{usual}{usual}GET /taken-over HTTP/1.1\r\nhost: x\r\n\r\ntoo early");
    let answers = answers(&request).await;
    assert_eq!(answers.matches("hello").count(), 2, "{answers}");
    let (head, body) = answers.rsplit_once("\r\n\r\n9\r\n").expect("a chunk");
    assert_eq!(body, "too early\r\n0\r\n\r\n");
    let (_, head) = head.split_once("hello").expect("the first answer");
    assert!(head.contains("content-type: text/plain"), "{head}");
    assert!(
        head.contains("x-layer: seen"),
        "layers see the answer before the socket is gone: {head}"
    );
    assert!(
        head.contains("transfer-encoding: chunked\r\nconnection: close"),
        "{head}"
    );
}

#[tokio::test]
async fn where_the_socket_cannot_be_taken_over_the_answer_is_as_usual() {
    let old = "GET /taken-over HTTP/1.0\r\n\r\n";
    let head = "HEAD /taken-over HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    // Answered before its body was read, so that the answer may still be in hyper's hands.
    let behind_a_body = "POST /usual HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi\
                         GET /taken-over HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    for (request, body) in [(old, "as usual"), (head, ""), (behind_a_body, "as usual")] {
        let answers = answers(request).await;
        assert!(!answers.contains("transfer-encoding"), "{answers}");
        assert!(answers.ends_with(&format!("\r\n\r\n{body}")), "{answers}");
    }
}

impl Transport for DuplexStream {
    const OFFERED: bool = false;

    fn reset(&self) {}
}

/// The client's end of a connection that is served.
fn served() -> DuplexStream {
    let (ours, theirs) = duplex(64 * 1024);
    let router = Router::new().route("/usual", get(async || "hello"));
    tokio::spawn(async move {
        let shutdown = CancellationToken::new();
        serve(ours, ([127, 0, 0, 1], 1).into(), router, &shutdown).await;
    });
    theirs
}

async fn is_answered(client: &mut DuplexStream) {
    client
        .write_all(b"GET /usual HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"hello") {
        assert!(client.read_buf(&mut answer).await.unwrap() > 0, "it was cut off");
    }
}

/// How long it takes until the connection ends.
async fn until_end(client: &mut DuplexStream) -> Duration {
    let began = Instant::now();
    let mut said = Vec::new();
    client.read_to_end(&mut said).await.unwrap();
    assert!(said.is_empty(), "{said:?}");
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_between_requests_for_longer_than_proxies_keep_theirs() {
    let mut client = served();
    for _ in 0..3 {
        is_answered(&mut client).await;
        sleep(Duration::from_secs(60)).await;
    }
    is_answered(&mut client).await;
    assert_eq!(until_end(&mut client).await, IDLE_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_begins_after_a_pause_has_no_more_time_than_the_first() {
    let mut client = served();
    is_answered(&mut client).await;
    sleep(IDLE_TIMEOUT / 2).await;
    client.write_all(b"GET /usual").await.unwrap();
    assert_eq!(until_end(&mut client).await, HEAD_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn who_has_asked_over_http_1_cannot_go_on_over_http_2() {
    let mut client = served();
    is_answered(&mut client).await;
    client
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .unwrap();
    assert_eq!(until_end(&mut client).await, Duration::ZERO);
}
