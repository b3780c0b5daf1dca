//! A server with a few routes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Version;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use futures::stream;
use service_kit::http::{Listener, StallTimeout};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longer than anything here may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// How long clients may take nothing of the endless answer.
pub(crate) const STALL: Duration = Duration::from_secs(1);

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) served: JoinHandle<std::io::Result<()>>,
    /// Endless answers that are being given.
    open: Arc<AtomicUsize>,
}

struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        let open = Arc::<AtomicUsize>::default();
        let opened = Arc::clone(&open);
        let router = Router::new()
            .route("/hello", get(async || "hello"))
            .route("/echo", post(async |body: String| body))
            .route("/version", get(async |version: Version| format!("{version:?}")))
            .route("/endless", get(async move || endless(&opened)));
        let listener = Listener::bind("127.0.0.1:0").await.unwrap();
        let (address, shutdown) = (listener.address(), CancellationToken::new());
        Self {
            address,
            served: tokio::spawn(listener.serve(router, shutdown.clone())),
            shutdown,
            open,
        }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Everything that is said to these bytes up to the end.
    pub(crate) async fn answer(&self, request: &[u8]) -> String {
        let mut socket = self.connect().await;
        // The end may come before all is written.
        let _ = socket.write_all(request).await;
        until_end(&mut socket).await
    }

    /// That it goes on as if nothing had been.
    pub(crate) async fn is_well(&self) {
        let answer = self
            .answer(b"GET /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await;
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhello"),
            "{answer}"
        );
    }

    /// Waits until so many endless answers are being given.
    pub(crate) async fn gives(&self, count: usize) {
        let reached = async {
            while self.open.load(Ordering::SeqCst) != count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let reached = tokio::time::timeout(LIMIT, reached).await;
        assert!(
            reached.is_ok(),
            "{} instead of {count}",
            self.open.load(Ordering::SeqCst)
        );
    }
}

/// What is said until the end, also where that is a reset: it comes when something was sent that was not read.
pub(crate) async fn until_end(socket: &mut TcpStream) -> String {
    let mut said = Vec::new();
    let ended = tokio::time::timeout(LIMIT, socket.read_to_end(&mut said)).await;
    assert!(ended.is_ok(), "the connection is kept open");
    String::from_utf8_lossy(&said).into_owned()
}

fn endless(open: &Arc<AtomicUsize>) -> Response {
    open.fetch_add(1, Ordering::SeqCst);
    let open = Open(Arc::clone(open));
    let blocks = stream::repeat_with(move || {
        let _ = &open;
        Ok::<_, axum::Error>(Bytes::from_static(&[b'x'; 1_000]))
    });
    let mut response = Body::from_stream(blocks).into_response();
    response.extensions_mut().insert(StallTimeout(STALL));
    response
}
