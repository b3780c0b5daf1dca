//! A server for HTTP/1.1 and HTTP/2, encrypted or not, that slow clients cannot hold open and that ends when told.
//!
//! Requests carry the address of the peer, as `ConnectInfo<SocketAddr>`, and an [`Offer`] where their answer may take the
//! socket over. An answer may say by a [`StallTimeout`] how long its client may take nothing of it.
//!
//! What clients may take their time for is bounded: shaking hands, the head and the body of a request, an answer, and saying
//! nothing at all; so are the bytes of each and what may be in flight on one connection.

mod connection;
mod heard;
mod http1;
mod http2;
mod patience;
mod request_body;
mod settings;
mod takeover;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse as _, Response};
use socket2::SockRef;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;

use crate::cors::Origins;
use crate::problem::{PROBLEM_JSON, Problem};

pub use patience::StallTimeout;
pub use settings::Settings;
pub use takeover::{Offer, Taken, Takeover};
pub use tls::{PairError, Tls, TlsError};

use connection::Terms;

/// Bytes that the body of one request may have. Answered with 413 beyond.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// How long to wait when the process is out of sockets. Without, the loop would spin on the same error.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(100);

/// Connections that may wait to be accepted, where the system allows as many. The usual 128 are too few for the clients of
/// an edge that died: one that finds no room comes again after a second, and if it says nothing at first it believes for
/// ever that it is connected.
const MAX_WAITING: i32 = 4_096;

/// Bytes that the kernel keeps unsent for a client that does not read. By default it keeps 200 KB and more for each, and for
/// all sockets together no more than `net.ipv4.tcp_mem`: beyond that everybody suffers.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 16 * 1024;

/// After how long a connection is given up whose client's network does not answer, on Linux. The kernel would try for a
/// quarter of an hour.
pub const UNANSWERED: Duration = Duration::from_secs(60);

/// A listener that is bound, so that its address is known before anything is served.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    origins: Origins,
    tls: Option<Arc<Tls>>,
}

/// Nothing could be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}; if another process does, stop it or choose another address")]
pub struct BindError {
    address: String,
    source: io::Error,
}

impl Listener {
    /// Binds `address`, for example `127.0.0.1:8080`; port 0 takes a free one.
    pub async fn bind(address: &str) -> Result<Self, BindError> {
        let failed = |source| BindError {
            address: address.to_owned(),
            source,
        };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        prepare(&socket).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self {
            socket,
            address,
            origins: Origins::default(),
            tls: None,
        })
    }

    /// Lets pages of these origins read what is answered.
    #[must_use]
    pub fn for_pages_of(mut self, origins: Origins) -> Self {
        self.origins = origins;
        self
    }

    /// Encrypts all connections, if there is something to do it with.
    #[must_use]
    pub fn encrypted_by(mut self, tls: Option<Tls>) -> Self {
        self.tls = tls.map(Arc::new);
        self
    }

    /// The address that was bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How it is asked, as `http://` or `https://` with the address.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Serves `router` until told to end; then takes no more connections and waits for those there are.
    pub async fn serve(self, router: Router, shutdown: CancellationToken) -> Result<(), io::Error> {
        let router = router
            .layer(RequestBodyLimitLayer::new(MAX_BODY_BYTES))
            .layer(map_response(as_problem))
            .layer(CatchPanicLayer::custom(|_| panicked()));
        let router = self.origins.around(router);
        let connections = TaskTracker::new();
        let terms = Terms {
            router,
            tls: self.tls,
            shutdown: shutdown.clone(),
            tasks: connections.clone(),
        };
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = shutdown.cancelled() => break,
            };
            match accepted {
                Ok((socket, peer)) => {
                    connections.spawn(connection::serve(socket, peer, terms.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_BACK_OFF).await;
                }
            }
        }
        drop(self.socket);
        connections.close();
        connections.wait().await;
        Ok(())
    }
}

/// Sockets that are accepted inherit what is set here.
fn prepare(socket: &TcpListener) -> io::Result<()> {
    let socket = SockRef::from(socket);
    // Once more, with room for more.
    socket.listen(MAX_WAITING)?;
    socket.set_tcp_nodelay(true)?;
    #[cfg(target_os = "linux")]
    {
        socket.set_tcp_notsent_lowat(UNSENT_BYTES)?;
        socket.set_tcp_user_timeout(Some(UNANSWERED))?;
    }
    Ok(())
}

/// What is refused by its `Content-Length` alone is refused before there is a handler that would say it in our form.
async fn as_problem(response: Response) -> Response {
    let form = response.headers().get(header::CONTENT_TYPE);
    if response.status() != StatusCode::PAYLOAD_TOO_LARGE || form.is_some_and(|form| form == PROBLEM_JSON) {
        return response;
    }
    Problem::body_too_large(format!("the body may have {MAX_BODY_BYTES} bytes")).into_response()
}

/// A handler that panics costs its own request. The panic itself is in the log already.
fn panicked() -> Response {
    Problem::broken().into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    async fn answer(address: SocketAddr, request: &str) -> String {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        socket.read_to_end(&mut response).await.unwrap();
        String::from_utf8_lossy(&response).into_owned()
    }

    async fn status_line(address: SocketAddr, request: &str) -> String {
        let answer = answer(address, request).await;
        answer.lines().next().unwrap_or_default().to_owned()
    }

    async fn broken() {
        panic!("on purpose");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn sockets_that_are_accepted_have_the_bounds_of_their_listener() {
        let listener = Listener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.address()).await.unwrap();
        let (socket, _) = listener.socket.accept().await.unwrap();
        let socket = SockRef::from(&socket);
        assert!(socket.tcp_nodelay().unwrap());
        assert_eq!(socket.tcp_notsent_lowat().unwrap(), UNSENT_BYTES);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(UNANSWERED));
    }

    #[tokio::test]
    async fn a_panic_costs_its_request_and_a_large_body_is_refused_and_the_server_ends_when_told() {
        let router = Router::new()
            .route("/panic", get(broken))
            .route("/echo", post(|body: String| async { body }));
        let listener = Listener::bind("127.0.0.1:0").await.unwrap();
        let (address, shutdown) = (listener.address(), CancellationToken::new());
        let server = tokio::spawn(listener.serve(router, shutdown.clone()));

        let panic = status_line(
            address,
            "GET /panic HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        )
        .await;
        assert_eq!(panic, "HTTP/1.1 500 Internal Server Error");
        let head = "POST /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length:";
        assert_eq!(
            status_line(address, &format!("{head} 2\r\n\r\nhi")).await,
            "HTTP/1.1 200 OK"
        );
        let large = answer(address, &format!("{head} 70000\r\n\r\n")).await;
        assert!(large.starts_with("HTTP/1.1 413 Payload Too Large\r\n"), "{large}");
        assert!(large.contains("urn:lastcall:problem:body-too-large"), "{large}");

        shutdown.cancel();
        server.await.unwrap().unwrap();
    }
}
