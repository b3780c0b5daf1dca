//! A server for HTTP/1.1 that slow clients cannot hold open and that ends when told.
//!
//! Requests carry the address of the peer, as `ConnectInfo<SocketAddr>`, and an [`Offer`] where their answer may take the
//! socket over.

mod connection;
mod takeover;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;

use crate::cors::Origins;
use crate::problem::Problem;

pub use takeover::{Offer, Taken, Takeover};

/// Bytes that the body of one request may have. Answered with 413 beyond.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// How long to wait when the process is out of sockets. Without, the loop would spin on the same error.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(100);

/// A listener that is bound, so that its address is known before anything is served.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    origins: Origins,
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
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self {
            socket,
            address,
            origins: Origins::default(),
        })
    }

    /// Lets pages of these origins read what is answered.
    #[must_use]
    pub fn for_pages_of(mut self, origins: Origins) -> Self {
        self.origins = origins;
        self
    }

    /// The address that was bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `router` until told to end; then takes no more connections and waits for those there are.
    pub async fn serve(self, router: Router, shutdown: CancellationToken) -> Result<(), io::Error> {
        let router = router
            .layer(RequestBodyLimitLayer::new(MAX_BODY_BYTES))
            .layer(CatchPanicLayer::custom(|_| panicked()));
        let router = self.origins.around(router);
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = shutdown.cancelled() => break,
            };
            match accepted {
                Ok((socket, peer)) => {
                    let (router, shutdown, tasks) = (router.clone(), shutdown.clone(), connections.clone());
                    connections.spawn(connection::serve(socket, peer, router, shutdown, tasks));
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

    async fn status_line(address: SocketAddr, request: &str) -> String {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        socket.read_to_end(&mut response).await.unwrap();
        String::from_utf8_lossy(&response)
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned()
    }

    async fn broken() {
        panic!("on purpose");
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
        assert_eq!(
            status_line(address, &format!("{head} 70000\r\n\r\n")).await,
            "HTTP/1.1 413 Payload Too Large"
        );

        shutdown.cancel();
        server.await.unwrap().unwrap();
    }
}
