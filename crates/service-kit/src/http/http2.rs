//! A connection of HTTP/2: many requests at once, each answered by a task of its own.
//!
//! Proxies send the requests of many clients over one connection, so what one of them does must cost the others nothing: an
//! answer whose client does not take it is ended alone, and its buffer is bounded. A connection ends when nobody has asked
//! for anything for a while, when its client does not answer pings, when an answer says `Connection: close`, which other
//! versions take for the same, and with the process; each time, if the client still listens, in the orderly way that lets
//! requests in flight be answered ([GOAWAY](https://www.rfc-editor.org/rfc/rfc9113#section-6.8)).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::CONNECTION;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2::Builder;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{LAST_ANSWERS, MAX_HEAD_BYTES};
use super::patience::{HEAD_TIMEOUT, IDLE_TIMEOUT, Patience, Watched};
use super::request_body::RequestBody;

/// Requests that may be in flight on one connection. Clients that have more of them open another.
const MAX_STREAMS: u32 = 100;

/// Bytes of a request's body that may be on their way to us; the largest that is taken has as many.
const STREAM_WINDOW: u32 = 64 * 1024;

/// The same for all requests of a connection.
const CONNECTION_WINDOW: u32 = 4 * STREAM_WINDOW;

/// Bytes of an answer that wait for its client. By default they are 400 KB, for each of a connection's streams.
const SEND_BUFFER: usize = 16 * 1024;

/// A client that says nothing for so long is asked whether it is there, and has as long to answer.
const PING_INTERVAL: Duration = Duration::from_secs(20);

tokio::task_local! {
    /// With the client that the answer of this task is for.
    static PATIENCE: Arc<Patience>;
}

/// Serves a connection to its end.
pub(super) async fn serve<T>(transport: T, peer: SocketAddr, router: Router, shutdown: &CancellationToken)
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let answers = Answers::new();
    let requests = Requests {
        router: TowerToHyperService::new(router),
        peer,
        closing: Arc::default(),
    };
    let closing = Arc::clone(&requests.closing);
    let mut connection = Builder::new(answers.clone())
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD_BYTES as u32)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_INTERVAL)
        .serve_connection(TokioIo::new(transport), requests);
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = closing.notified() => None,
        () = answers.are_idle() => None,
        () = shutdown.cancelled() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            tokio::select! {
                ended = &mut connection => ended,
                // Its client does not take what is left, or never said who it is.
                () = answers.are_over(shutdown) => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended with an error");
    }
    // Without it, answers that are still in the making are for nobody, and notice.
    drop(connection);
    answers.tasks.wait().await;
}

/// The tasks that answer the requests of one connection.
#[derive(Clone)]
struct Answers {
    /// Closed from the first, so that waiting for it ends whenever there is none.
    tasks: TaskTracker,
    begun: Arc<AtomicU64>,
}

impl Answers {
    fn new() -> Self {
        let tasks = TaskTracker::new();
        tasks.close();
        Self {
            tasks,
            begun: Arc::default(),
        }
    }

    /// Waits until nobody has asked for anything for a while, and all answers are given.
    async fn are_idle(&self) {
        loop {
            self.tasks.wait().await;
            let begun = self.begun.load(Ordering::Relaxed);
            sleep(if begun == 0 { HEAD_TIMEOUT } else { IDLE_TIMEOUT }).await;
            if self.tasks.is_empty() && self.begun.load(Ordering::Relaxed) == begun {
                return;
            }
        }
    }

    /// Waits until there has been time enough to send the last answers of a connection that takes no new requests.
    async fn are_over(&self, shutdown: &CancellationToken) {
        let given = async {
            loop {
                self.tasks.wait().await;
                sleep(LAST_ANSWERS).await;
                if self.tasks.is_empty() {
                    return;
                }
            }
        };
        let told = async {
            shutdown.cancelled().await;
            sleep(LAST_ANSWERS).await;
        };
        tokio::select! {
            () = given => {}
            () = told => {}
        }
    }
}

impl<F> Executor<F> for Answers
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, answer: F) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let patience = Patience::with_asker();
        let answer = PATIENCE.scope(Arc::clone(&patience), answer);
        self.tasks.spawn(async move {
            tokio::select! {
                () = answer => {}
                _ = patience.ends() => tracing::debug!("an answer that its client does not take is ended"),
            }
        });
    }
}

/// The requests of one connection.
struct Requests {
    router: TowerToHyperService<Router>,
    peer: SocketAddr,
    /// An answer says that it is to be the last.
    closing: Arc<Notify>,
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<Watched>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Watched>, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let answered = self.router.call(request.map(RequestBody::new));
        let closing = Arc::clone(&self.closing);
        Box::pin(async move {
            let Ok(response) = answered.await;
            if says_close(&response) {
                closing.notify_one();
            }
            Ok(PATIENCE.with(|patience| patience.watch(response)))
        })
    }
}

fn says_close(response: &Response) -> bool {
    let connection = response.headers().get(CONNECTION);
    connection.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}

#[cfg(test)]
mod tests;
