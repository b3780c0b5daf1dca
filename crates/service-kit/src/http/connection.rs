//! One connection: hyper reads its requests and answers them, unless an answer takes the socket over.
//!
//! Hyper knows no answer that takes its socket away. What it does know is a service that fails: it then writes nothing
//! more, gives the error back, and parts with the socket. So an answer that carries a [`Takeover`] fails on purpose, with
//! an error that carries everything that is needed to go on.

use std::cell::Cell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::{ConnectInfo, Request};
use axum::http::{Method, Version};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::takeover::{HandedOver, Offer};

/// A client that has not sent its whole head by then is cut off: it would hold a task and a socket for nothing.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes that one head may have. Hyper answers a longer one with 431.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Serves a connection to its end. What takes the socket over runs as a task of its own among `tasks`: it is to cost what
/// it needs itself, without what hyper needed before it.
pub(super) async fn serve(
    socket: TcpStream,
    peer: SocketAddr,
    router: Router,
    shutdown: CancellationToken,
    tasks: TaskTracker,
) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%peer, %error, "a connection ended before it began");
        return;
    }
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(socket), Requests::new(router, peer));
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = shutdown.cancelled() => {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    let Err(error) = ended else { return };
    match HandedOver::from_error(&error) {
        Some(handed_over) => {
            let parts = connection.into_parts();
            handed_over.go_on(parts.io.into_inner(), parts.read_buf, &tasks);
        }
        None => tracing::debug!(%peer, %error, "a connection ended with an error"),
    }
}

/// The requests of one connection.
struct Requests {
    router: TowerToHyperService<Router>,
    peer: SocketAddr,
    /// Whether every answer is written before the next request is read.
    in_step: Cell<bool>,
}

impl Requests {
    fn new(router: Router, peer: SocketAddr) -> Self {
        Self {
            router: TowerToHyperService::new(router),
            peer,
            in_step: Cell::new(true),
        }
    }

    /// Whether the answer may take the socket over. Hyper reads the next request when it has written the answer to the one
    /// before, except where that one's body ended after its answer had begun: then the answer may still be in hyper's
    /// buffer, which would be lost with it.
    fn offer(&self, request: &Request<Incoming>) -> Option<Offer> {
        let offered =
            self.in_step.get() && request.method() == Method::GET && request.version() == Version::HTTP_11;
        if !request.body().is_end_stream() {
            self.in_step.set(false);
        }
        offered.then_some(Offer(()))
    }
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response;
    type Error = HandedOver;
    type Future = Pin<Box<dyn Future<Output = Result<Response, HandedOver>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let offer = self.offer(&request);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        if let Some(offer) = offer {
            request.extensions_mut().insert(offer);
        }
        let answered = self.router.call(request);
        Box::pin(async move {
            let answer: Result<Response, Infallible> = answered.await;
            let Ok(response) = answer;
            match offer {
                Some(_) => HandedOver::unless_ordinary(response),
                None => Ok(response),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::Extension;
    use axum::http::HeaderValue;
    use axum::middleware::map_response;
    use axum::response::IntoResponse as _;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::super::{Listener, Taken, Takeover};
    use super::*;

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
}
