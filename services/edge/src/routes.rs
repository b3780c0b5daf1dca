//! `GET /v1/stream`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, FromRef, FromRequestParts, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Extension, Router};
use chrono::Utc;
use service_kit::auth::{Authenticator, Identity};
use service_kit::http::{Offer, Takeover};
use service_kit::problem::Problem;

use crate::block::Block;
use crate::edge::Edge;
use crate::request::{Parameters, Start};
use crate::settings::Settings;
use crate::socket::SocketStream;
use crate::stream::Stream;
use crate::{body, frame, opening};

#[derive(Clone)]
struct Service {
    edge: Edge,
    authenticator: Arc<Authenticator>,
}

impl FromRef<Service> for Arc<Authenticator> {
    fn from_ref(service: &Service) -> Self {
        Arc::clone(&service.authenticator)
    }
}

/// The routes of an edge node, for tokens that `authenticator` believes.
pub fn router(edge: Edge, authenticator: Arc<Authenticator>) -> Router {
    Router::new()
        .route("/v1/stream", get(stream))
        .with_state(Service { edge, authenticator })
}

/// The one who asks gets what is theirs and what is for everybody. Whose that is, only the token says.
async fn stream(
    State(Service { edge, .. }): State<Service>,
    identity: Result<Identity, Problem>,
    client: Client,
    query: Result<Query<Parameters>, QueryRejection>,
) -> Result<Response, Problem> {
    let identity = match identity {
        Err(problem) if problem.status == StatusCode::SERVICE_UNAVAILABLE.as_u16() => {
            tracing::debug!(
                problem.detail,
                "a client is to come back once its token can be checked"
            );
            return Ok(come_back(edge.shared.retry_later()));
        }
        identity => identity?,
    };
    let Query(parameters) = query.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
    let start = Start::of(&client.headers, &parameters, Utc::now())?;
    let shared = &edge.shared;
    if !edge.ready() {
        return Ok(come_back(shared.retry()));
    }
    let seat = match shared
        .registry
        .enter(identity.user, client.address(&shared.settings))
    {
        Ok(seat) => seat,
        Err(full) => {
            tracing::debug!(%full, "a client is to come back later");
            return Ok(come_back(shared.retry_later()));
        }
    };
    match opening::open(shared, seat, start).await {
        Ok((stream, opening)) => Ok(client.answer(stream, opening)),
        Err(error) => {
            tracing::warn!(%error, "cannot say where a stream begins; the client is to come back");
            Ok(come_back(shared.retry()))
        }
    }
}

/// Who asks, apart from what they ask for and may have.
#[derive(FromRequestParts)]
struct Client {
    headers: HeaderMap,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    offer: Option<Extension<Offer>>,
}

impl Client {
    fn address(&self, settings: &Settings) -> Option<IpAddr> {
        let Extension(ConnectInfo(peer)) = self.peer.as_ref()?;
        Some(settings.trusted_proxies.client(peer.ip(), &self.headers))
    }

    /// The stream goes over the socket itself where that can be had, and through the server elsewhere.
    fn answer(&self, stream: Stream, opening: Block) -> Response {
        if self.offer.is_none() {
            return event_stream(Body::new(body::Body::new(stream, opening)));
        }
        let mut response = event_stream(Body::empty());
        let takeover = Takeover::new(move |taken| SocketStream::new(taken, stream, &opening));
        response.extensions_mut().insert(takeover);
        response
    }
}

/// A native `EventSource` gives up for good on any status but 200. So whoever cannot be served now gets an event stream
/// that ends at once, and comes back.
fn come_back(retry: Duration) -> Response {
    event_stream(Body::from(frame::come_back(retry).text()))
}

fn event_stream(body: Body) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would collect events until its buffer is full.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
