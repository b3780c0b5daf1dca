//! A server for HTTP/1.1 that slow clients cannot hold open and that ends when told.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A client that has not sent its whole head by then is cut off: it would hold a task and a socket for nothing.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes that one head may have. Hyper answers a longer one with 431.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// How long to wait when the process is out of sockets. Without, the loop would spin on the same error.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(100);

/// A listener that is bound, so that its address is known before anything is served.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
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
        Ok(Self { socket, address })
    }

    /// The address that was bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `router` until told to end; then takes no more connections and waits for those there are.
    pub async fn serve(self, router: Router, shutdown: CancellationToken) -> Result<(), io::Error> {
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = shutdown.cancelled() => break,
            };
            match accepted {
                Ok((socket, peer)) => {
                    connections.spawn(connection(socket, peer, router.clone(), shutdown.clone()));
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

async fn connection(socket: TcpStream, peer: SocketAddr, router: Router, shutdown: CancellationToken) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%peer, %error, "a connection ended before it began");
        return;
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(socket), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended with an error");
    }
}
