//! One connection: whether it is encrypted, and which version of HTTP its client speaks.
//!
//! On an encrypted connection the two agree on the version while they shake hands ([ALPN][alpn]). On any other its first
//! bytes say it.
//!
//! [alpn]: https://www.rfc-editor.org/rfc/rfc7301

use std::io::Cursor;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::http1::{self, Left};
use super::http2;
use super::tls::{Tls, Version};
use crate::telemetry::chain;

/// Bytes that one head may have. A longer one is answered with 431.
pub(super) const MAX_HEAD_BYTES: usize = 16 * 1024;

/// How long the last answers of a connection may take to be sent when the process ends, or when it is to end for another
/// reason. Clients that do not take them would keep the process.
pub(super) const LAST_ANSWERS: Duration = Duration::from_secs(6);

/// What the connections of a listener have in common.
#[derive(Clone)]
pub(super) struct Terms {
    pub(super) router: Router,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) shutdown: CancellationToken,
    /// What takes a socket over runs as a task of its own among these: it is to cost what it needs itself, without what
    /// hyper needed before it.
    pub(super) tasks: TaskTracker,
}

/// Serves a connection to its end.
pub(super) async fn serve(socket: TcpStream, peer: SocketAddr, terms: Terms) {
    match terms.tls.clone() {
        None => plain(socket, peer, terms).await,
        // Rarely used, and large: the tasks of plain connections need no room for it.
        Some(tls) => Box::pin(encrypted(socket, &tls, peer, terms)).await,
    }
}

async fn plain(socket: TcpStream, peer: SocketAddr, terms: Terms) {
    let Terms {
        router,
        shutdown,
        tasks,
        ..
    } = terms;
    match http1::serve(socket, peer, router.clone(), &shutdown).await {
        Left::Nothing => {}
        Left::HandedOver(handed_over, socket, read) => {
            handed_over.go_on(socket, read, &tasks);
        }
        Left::Http2(socket, read) => {
            let (reader, writer) = socket.into_split();
            let whole = tokio::io::join(Cursor::new(read).chain(reader), writer);
            Box::pin(http2::serve(whole, peer, router, &shutdown)).await;
        }
    }
}

async fn encrypted(socket: TcpStream, tls: &Tls, peer: SocketAddr, terms: Terms) {
    let Terms { router, shutdown, .. } = terms;
    let shaken = tokio::select! {
        shaken = tls.shake_hands(socket) => shaken,
        () = shutdown.cancelled() => return,
    };
    match shaken {
        Ok((stream, Version::Http1)) => {
            http1::serve(stream, peer, router, &shutdown).await;
        }
        Ok((stream, Version::Http2)) => http2::serve(stream, peer, router, &shutdown).await,
        Err(error) => tracing::debug!(%peer, cause = %chain(&error), "a connection could not be encrypted"),
    }
}
