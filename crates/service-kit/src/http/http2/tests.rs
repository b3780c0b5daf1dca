mod frames;

use std::sync::atomic::AtomicUsize;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::response::IntoResponse as _;
use axum::routing::get;
use futures::stream::{self, StreamExt as _};
use tokio::io::{DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::*;
use crate::http::{Listener, StallTimeout};
use frames::{
    CONTINUATION, Client, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, LIMIT, PREFACE, Pings, RST_STREAM,
    SETTINGS,
};

/// How long clients may take nothing of the endless answer.
const STALL: Duration = Duration::from_secs(5);

const BLOCK: usize = 1_000;

/// What the routes count.
#[derive(Clone, Default)]
struct Counts {
    /// Answers that are being given.
    open: Arc<AtomicUsize>,
    /// Blocks of the endless one.
    given: Arc<AtomicUsize>,
}

/// Counts as open until it is dropped.
struct Open(Arc<AtomicUsize>);

impl Counts {
    fn open(&self) -> Open {
        self.open.fetch_add(1, Ordering::SeqCst);
        Open(Arc::clone(&self.open))
    }

    fn opened(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    fn router(&self) -> Router {
        let (endless, silent, waiting) = (self.clone(), self.clone(), self.clone());
        Router::new()
            .route("/hello", get(async || "hello"))
            .route(
                "/last",
                get(async || ([(CONNECTION, HeaderValue::from_static("close"))], "bye")),
            )
            .route("/endless", get(async move || endless.endless()))
            .route("/silent", get(async move || silent.silent()))
            .route("/waiting", get(async move || waiting.wait().await))
    }

    fn endless(&self) -> Response {
        let (open, given) = (self.open(), Arc::clone(&self.given));
        let blocks = stream::repeat_with(move || {
            let _ = &open;
            given.fetch_add(1, Ordering::SeqCst);
            Ok::<_, axum::Error>(Bytes::from_static(&[b'x'; BLOCK]))
        });
        let mut response = Body::from_stream(blocks).into_response();
        response.extensions_mut().insert(StallTimeout(STALL));
        response
    }

    async fn wait(&self) {
        let _open = self.open();
        std::future::pending::<()>().await;
    }

    fn silent(&self) -> Response {
        let open = self.open();
        let never = stream::pending::<Result<Bytes, axum::Error>>().inspect(move |_| _ = &open);
        Body::from_stream(never).into_response()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A connection that is served.
struct Served {
    counts: Counts,
    shutdown: CancellationToken,
    ended: JoinHandle<()>,
}

impl Served {
    async fn with(pings: Pings) -> (Self, Client<DuplexStream>) {
        let (ours, theirs) = duplex(1024 * 1024);
        let (counts, shutdown) = (Counts::default(), CancellationToken::new());
        let ended = tokio::spawn({
            let (router, shutdown) = (counts.router(), shutdown.clone());
            async move { serve(ours, ([127, 0, 0, 1], 1).into(), router, &shutdown).await }
        });
        let served = Self {
            counts,
            shutdown,
            ended,
        };
        (served, Client::start(theirs, pings).await)
    }

    async fn has_ended(self) {
        timeout(LIMIT, self.ended)
            .await
            .expect("it ends")
            .expect("no panic");
        assert_eq!(self.counts.opened(), 0, "answers for nobody");
    }
}

async fn is_answered(client: &mut Client<DuplexStream>, stream: u32) {
    client.get(stream, "/hello").await;
    loop {
        let frame = client.next(DATA).await.expect("the connection goes on");
        if frame.stream == stream {
            assert_eq!(frame.payload, b"hello");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_on_which_nobody_asks_ends_in_order() {
    let (served, mut client) = Served::with(Pings::Answered).await;
    is_answered(&mut client, 1).await;
    let began = Instant::now();
    client.next(GOAWAY).await.expect("it is said beforehand");
    let waited = began.elapsed();
    assert!((IDLE_TIMEOUT..IDLE_TIMEOUT * 2).contains(&waited), "{waited:?}");
    assert!(client.rest().await.iter().all(|frame| frame.kind != RST_STREAM));
    served.has_ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_asks_is_cut_off_soon() {
    let (served, mut client) = Served::with(Pings::Ignored).await;
    let began = Instant::now();
    client.rest().await;
    assert!(
        began.elapsed() <= HEAD_TIMEOUT + LAST_ANSWERS,
        "{:?}",
        began.elapsed()
    );
    served.has_ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_answer_keeps_its_connection_as_long_as_its_client_is_there() {
    let (served, mut client) = Served::with(Pings::Answered).await;
    client.get(1, "/silent").await;
    client.next(HEADERS).await.expect("an answer");
    sleep(IDLE_TIMEOUT * 100).await;
    assert_eq!(served.counts.opened(), 1);
    is_answered(&mut client, 3).await;
    drop(client);
    served.has_ended().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_in_the_making_for_a_client_that_closes_is_given_up() {
    let (served, mut client) = Served::with(Pings::Answered).await;
    client.get(1, "/waiting").await;
    client.get(3, "/silent").await;
    client.next(HEADERS).await.expect("an answer");
    assert_eq!(served.counts.opened(), 2);
    drop(client);
    served.has_ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_answer_pings_loses_its_answers() {
    let (served, mut client) = Served::with(Pings::Ignored).await;
    client.get(1, "/silent").await;
    client.next(HEADERS).await.expect("an answer");
    let began = Instant::now();
    client.rest().await;
    assert!(
        began.elapsed() <= PING_INTERVAL * 2 + LAST_ANSWERS,
        "{:?}",
        began.elapsed()
    );
    served.has_ended().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_its_client_does_not_take_is_bounded_and_ended_alone() {
    /// What a client takes of a stream before it says that it takes more, as long as it says nothing else.
    const WINDOW: usize = 65_535;
    let (served, mut client) = Served::with(Pings::Answered).await;
    client.get(1, "/endless").await;
    client.get(3, "/silent").await;
    let mut taken = 0;
    while taken < WINDOW {
        taken += client.next(DATA).await.expect("data").payload.len();
    }
    let began = Instant::now();
    let reset = client.next(RST_STREAM).await.expect("the stream is reset");
    assert_eq!(reset.stream, 1);
    assert_eq!(began.elapsed(), STALL);
    let given = served.counts.given.load(Ordering::SeqCst) * BLOCK;
    assert!(
        given <= WINDOW + SEND_BUFFER + 2 * BLOCK,
        "{given} bytes were made"
    );
    assert_eq!(served.counts.opened(), 1, "the silent one goes on");
    drop(client);
    served.has_ended().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_says_close_is_the_last_and_those_before_it_go_on() {
    let (served, mut client) = Served::with(Pings::Answered).await;
    client.get(1, "/silent").await;
    client.get(3, "/last").await;
    client.next(GOAWAY).await.expect("no more requests are taken");
    sleep(LAST_ANSWERS * 10).await;
    assert_eq!(served.counts.opened(), 1);
    served.shutdown.cancel();
    let began = Instant::now();
    client.rest().await;
    assert_eq!(began.elapsed(), LAST_ANSWERS, "whoever does not end is ended");
    served.has_ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_told_to_end_does_so_in_order_and_at_once_when_nothing_is_left_to_say() {
    let (served, mut client) = Served::with(Pings::Answered).await;
    is_answered(&mut client, 1).await;
    served.shutdown.cancel();
    let began = Instant::now();
    let frames = client.rest().await;
    assert!(frames.iter().any(|frame| frame.kind == GOAWAY), "{frames:?}");
    assert!(began.elapsed() < Duration::from_secs(1));
    served.has_ended().await;
}

#[tokio::test(start_paused = true)]
async fn more_requests_than_may_be_in_flight_are_refused_and_harm_nobody() {
    const MORE: u32 = 10;
    let (served, mut client) = Served::with(Pings::Answered).await;
    for number in 0..MAX_STREAMS + MORE {
        client.get(number * 2 + 1, "/silent").await;
    }
    for _ in 0..MORE {
        let refused = client.next(RST_STREAM).await.expect("it is refused");
        assert!(refused.stream > MAX_STREAMS * 2, "{}", refused.stream);
        assert_eq!(
            refused.payload,
            [0, 0, 0, 7],
            "REFUSED_STREAM: it may be sent again"
        );
    }
    assert_eq!(served.counts.opened(), MAX_STREAMS as usize);
    drop(client);
    served.has_ended().await;
}

#[tokio::test(start_paused = true)]
async fn who_asks_and_takes_it_back_all_the_time_is_cut_off() {
    const CANCEL: [u8; 4] = [0, 0, 0, 8];
    let (served, mut client) = Served::with(Pings::Answered).await;
    let mut asked = 0;
    while asked < 100_000
        && client.get(asked * 2 + 1, "/silent").await
        && client.send(RST_STREAM, 0, asked * 2 + 1, &CANCEL).await
    {
        asked += 1;
    }
    assert!(asked < 100_000, "it may go on for ever");
    client.rest().await;
    served.has_ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_head_without_an_end_is_cut_off() {
    let (served, mut client) = Served::with(Pings::Answered).await;
    client.send(HEADERS, END_STREAM, 1, &frames::head("/hello")).await;
    // A header of which there can be any number: literal, not kept, "a: b".
    let more = b"\x00\x01a\x01b".repeat(100);
    let mut sent = 0;
    while sent < 100_000 && client.send(CONTINUATION, 0, 1, &more).await {
        sent += 1;
    }
    assert!(sent < 100_000, "it may go on for ever");
    client.rest().await;
    served.has_ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_too_large_is_refused_and_the_connection_goes_on() {
    let (served, mut client) = Served::with(Pings::Answered).await;
    let mut head = frames::head("/hello");
    head.extend_from_slice(&frames::header(MAX_HEAD_BYTES + 1));
    let (first, second) = head.split_at(MAX_HEAD_BYTES / 2);
    client.send(HEADERS, END_STREAM, 1, first).await;
    client.send(CONTINUATION, END_HEADERS, 1, second).await;
    let answer = client.next(HEADERS).await.expect("an answer");
    assert_eq!((answer.stream, answer.flags & END_STREAM), (1, END_STREAM));
    is_answered(&mut client, 3).await;
    drop(client);
    served.has_ended().await;
}

#[tokio::test]
async fn the_first_bytes_say_which_version_it_is_also_one_by_one() {
    let (counts, shutdown) = (Counts::default(), CancellationToken::new());
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.address();
    let server = tokio::spawn(listener.serve(counts.router(), shutdown.clone()));
    let socket = TcpStream::connect(address).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let mut client = Client::silent(socket, Pings::Answered);
    for byte in PREFACE.chunks(1) {
        client.write(byte).await;
        tokio::task::yield_now().await;
    }
    client.send(SETTINGS, 0, 0, &[]).await;
    client.get(1, "/hello").await;
    let data = client.next(DATA).await.expect("an answer");
    assert_eq!(data.payload, b"hello");
    shutdown.cancel();
    client.next(GOAWAY).await.expect("it is said beforehand");
    timeout(LIMIT, server).await.expect("it ends").unwrap().unwrap();
}
