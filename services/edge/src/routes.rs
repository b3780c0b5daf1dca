//! `GET /v1/stream`.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRef, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use chrono::Utc;
use service_kit::auth::{Authenticator, Identity};
use service_kit::problem::Problem;

use crate::edge::Edge;
use crate::request::{Parameters, Start};
use crate::{frame, opening};

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
    identity: Identity,
    headers: HeaderMap,
    query: Result<Query<Parameters>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(parameters) = query.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
    let start = Start::of(&headers, &parameters, Utc::now())?;
    if !edge.ready() {
        return Ok(come_back(&edge));
    }
    match opening::open(&edge.shared, identity.user, start).await {
        Ok(stream) => Ok(event_stream(Body::new(stream))),
        Err(error) => {
            tracing::warn!(%error, "cannot say where a stream begins; the client is to come back");
            Ok(come_back(&edge))
        }
    }
}

/// A native `EventSource` gives up for good on any status but 200. So whoever cannot be served now gets an event stream
/// that ends at once, and comes back.
fn come_back(edge: &Edge) -> Response {
    event_stream(Body::from(frame::come_back(edge.shared.retry())))
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
