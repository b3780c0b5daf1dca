//! A connection of HTTP/1.1 or 1.0: hyper reads its requests and answers them, unless an answer takes the socket over.
//!
//! Hyper knows no answer that takes its socket away. What it does know is a service that fails: it then writes nothing
//! more, gives the error back, and parts with the socket. So an answer that carries a [`Takeover`](super::Takeover) fails on
//! purpose, with an error that carries everything that is needed to go on.

use std::cell::Cell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::{Bytes, HttpBody as _};
use axum::extract::{ConnectInfo, Request};
use axum::http::{Method, Version};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1::{Builder, Connection};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::connection::{LAST_ANSWERS, MAX_HEAD_BYTES};
use super::heard::Heard;
use super::patience::{Overdue, Patience, Watched};
use super::request_body::RequestBody;
use super::takeover::{HandedOver, Offer};

/// What requests come over.
pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin {
    /// Whether answers may take it over.
    const OFFERED: bool;

    /// Has its end throw away what the client has not taken.
    fn reset(&self);
}

impl Transport for TcpStream {
    const OFFERED: bool = true;

    fn reset(&self) {
        // Without that the kernel would wait for the client.
        let _ = self.set_zero_linger();
    }
}

/// What goes over it has to be encrypted, so there is nothing to win without a server in between.
impl Transport for TlsStream<TcpStream> {
    const OFFERED: bool = false;

    fn reset(&self) {
        self.get_ref().0.reset();
    }
}

/// What is left of a connection.
pub(super) enum Left<T> {
    Nothing,
    /// Something goes on over the transport, from which these bytes were read.
    HandedOver(HandedOver, T, Bytes),
    /// The client speaks HTTP/2. Its preface is in what was read.
    Http2(T, Bytes),
}

/// Serves a connection to its end as a connection of HTTP/1.1.
pub(super) async fn serve<T: Transport>(
    transport: T,
    peer: SocketAddr,
    router: Router,
    shutdown: &CancellationToken,
) -> Left<T> {
    let patience = Patience::with_newcomer();
    let requests = Requests::new::<T>(router, peer, Arc::clone(&patience));
    let mut connection = Builder::new()
        // Its clock does not tell a pause from a head that does not come to its end.
        .header_read_timeout(None)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(Heard::new(transport, Arc::clone(&patience)), requests);
    let mut ended = tokio::select! {
        ended = &mut connection => Ok(ended),
        overdue = patience.ends() => Err(overdue),
        () = shutdown.cancelled() => Err(Overdue::Request),
    };
    if let Err(Overdue::Request) = ended {
        // In order: what was asked for meanwhile is answered.
        Pin::new(&mut connection).graceful_shutdown();
        let last = async {
            tokio::select! {
                biased;
                ended = &mut connection => Ok(ended),
                overdue = patience.ends() => Err(overdue),
            }
        };
        ended = timeout(LAST_ANSWERS, last).await.unwrap_or(Err(Overdue::Answer));
    }
    match ended {
        Ok(Ok(())) => Left::Nothing,
        Ok(Err(error)) => what_is_left(&error, connection, peer),
        Err(overdue) => {
            tracing::debug!(%peer, ?overdue, "a client that is late is cut off");
            if overdue == Overdue::Answer {
                connection.into_parts().io.into_inner().reset();
            }
            Left::Nothing
        }
    }
}

fn what_is_left<T: Transport>(
    error: &hyper::Error,
    connection: Connection<Heard<T>, Requests>,
    peer: SocketAddr,
) -> Left<T> {
    if let Some(handed_over) = HandedOver::from_error(error) {
        let parts = connection.into_parts();
        return Left::HandedOver(handed_over, parts.io.into_inner(), parts.read_buf);
    }
    if error.is_parse_version_h2() {
        let parts = connection.into_parts();
        // Behind a request it is none: whoever speaks HTTP/2 does so from the first byte on.
        if !parts.service.asked.get() {
            return Left::Http2(parts.io.into_inner(), parts.read_buf);
        }
    }
    tracing::debug!(%peer, %error, "a connection ended with an error");
    Left::Nothing
}

/// The requests of one connection.
struct Requests {
    router: TowerToHyperService<Router>,
    peer: SocketAddr,
    patience: Arc<Patience>,
    /// Whether there was one.
    asked: Cell<bool>,
    offered: bool,
    /// Whether every answer is written before the next request is read.
    in_step: Cell<bool>,
}

impl Requests {
    fn new<T: Transport>(router: Router, peer: SocketAddr, patience: Arc<Patience>) -> Self {
        Self {
            router: TowerToHyperService::new(router),
            peer,
            patience,
            asked: Cell::new(false),
            offered: T::OFFERED,
            in_step: Cell::new(true),
        }
    }

    /// Whether the answer may take the socket over. Hyper reads the next request when it has written the answer to the one
    /// before, except where that one's body ended after its answer had begun: then the answer may still be in hyper's
    /// buffer, which would be lost with it.
    fn offer(&self, request: &Request<Incoming>) -> Option<Offer> {
        let offered = self.offered
            && self.in_step.get()
            && request.method() == Method::GET
            && request.version() == Version::HTTP_11;
        if !request.body().is_end_stream() {
            self.in_step.set(false);
        }
        offered.then_some(Offer(()))
    }
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<Watched>;
    type Error = HandedOver;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Watched>, HandedOver>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        self.asked.set(true);
        self.patience.asked();
        let offer = self.offer(&request);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        if let Some(offer) = offer {
            request.extensions_mut().insert(offer);
        }
        let answered = self.router.call(request.map(RequestBody::new));
        let patience = Arc::clone(&self.patience);
        Box::pin(async move {
            let answer: Result<Response, Infallible> = answered.await;
            let Ok(response) = answer;
            let response = match offer {
                Some(_) => HandedOver::unless_ordinary(response)?,
                None => response,
            };
            Ok(patience.watch(response))
        })
    }
}

#[cfg(test)]
mod tests;
