//! `GET /v1/stream`, and where the other routes are.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, FromRef, FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use chrono::Utc;
use proto_schemas::Cursor;
use service_kit::auth::Authenticator;
use service_kit::http::{Offer, StallTimeout, Takeover};
use service_kit::openapi::described;
use service_kit::problem::Problem;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::denied::Denied;
use crate::edge::{Edge, Shared};
use crate::metrics::{Kind, Later};
use crate::openapi::{self, Api};
use crate::opening::{self, Opened};
use crate::request::{LAST_EVENT_ID, Parameters, Start};
use crate::socket::SocketStream;
use crate::ticket::{self, Credential};
use crate::{body, frame, poll};

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

impl FromRef<Service> for Edge {
    fn from_ref(service: &Service) -> Self {
        service.edge.clone()
    }
}

/// The routes of an edge node, for tokens that `authenticator` believes, with their description at `/v1/openapi.json`.
pub fn router(edge: Edge, authenticator: Arc<Authenticator>) -> Router {
    described(routes(edge, authenticator))
}

/// The routes of an edge node, and their description, to be merged with others.
pub fn routes(edge: Edge, authenticator: Arc<Authenticator>) -> OpenApiRouter {
    OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(stream))
        .routes(routes!(ticket::make))
        .routes(routes!(poll::answer))
        .with_state(Service { edge, authenticator })
}

/// What a person is told, as it happens and from where they were, as an event stream.
///
/// They get what is theirs and what is for everybody. Whose that is, only the token says, or the ticket that was made of
/// one.
///
/// The first block has no event: it says when to come back and gives an id to come back with. `event: gap` says that
/// something is missing, and why; `event: reauth` that the token is about to end. Whoever cannot be served now is answered
/// with 200, a `retry:` and an end, because a browser gives up for good on any other status.
#[utoipa::path(
    get, path = "/v1/stream", operation_id = "openStream",
    params(
        Parameters,
        ("ticket" = Option<String>, Query, description = "In place of a token; it opens one stream"),
        ("Last-Event-ID" = Option<String>, Header, description = "The id to go on after; browsers send it by themselves"),
    ),
    responses(
        (status = 200, description = "A stream, or what to wait for before coming back",
            body = String, content_type = "text/event-stream", example = json!(openapi::STREAM)),
        (status = 400, description = "The id, since or from is malformed",
            body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No token or ticket that is good",
            body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = []), ("cookie" = []), ("ticket" = []))
)]
async fn stream(
    State(edge): State<Edge>,
    credential: Result<Credential, Problem>,
    client: Client,
    query: Result<Query<Parameters>, QueryRejection>,
) -> Result<Response, Problem> {
    match begin(&edge, credential, &client, query).await {
        Ok(opened) => Ok(client.answer(&edge.shared, opened)),
        Err(Denied::Later(later)) => Ok(come_back(&edge.shared, later)),
        Err(Denied::Refused(problem)) => Err(problem),
    }
}

async fn begin(
    edge: &Edge,
    credential: Result<Credential, Problem>,
    client: &Client,
    query: Result<Query<Parameters>, QueryRejection>,
) -> Result<Opened, Denied> {
    let shared = &edge.shared;
    let credential = credential.map_err(Denied::unidentified)?;
    let Query(parameters) = query.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
    let start = Start::of(client.last_event_id.as_ref(), &parameters, Utc::now())?;
    edge.check_ready()?;
    let pass = credential.pass(shared).await?;
    let seat = edge.enter(pass.user.clone(), client.address)?;
    seat.end_at(pass.expires_at, shared.settings.reauth_ahead, Utc::now());
    let mut opened = opening::open(shared, seat, start, Kind::Stream).await?;
    opened.stream.heartbeat = parameters.heartbeat;
    pass.use_up(shared).await?;
    Ok(opened)
}

/// What a request says of its client, apart from what they ask for and may have.
pub(crate) struct Client {
    pub(crate) address: Option<IpAddr>,
    last_event_id: Option<HeaderValue>,
    offer: Option<Offer>,
}

impl<S> FromRequestParts<S> for Client
where
    Edge: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let edge = Edge::from_ref(state);
        let proxies = &edge.shared.settings.trusted_proxies;
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self {
            address: peer.map(|ConnectInfo(peer)| proxies.client(peer.ip(), &parts.headers)),
            last_event_id: parts.headers.get(LAST_EVENT_ID).cloned(),
            offer: parts.extensions.get().copied(),
        })
    }
}

impl Client {
    /// The stream goes over the socket itself where that can be had, and through the server elsewhere.
    fn answer(&self, shared: &Shared, opened: Opened) -> Response {
        let Opened { stream, gap } = opened;
        let opening = match gap {
            None => {
                let Cursor { epoch, sequence } = stream.cursor();
                frame::opening(shared.retry(), &epoch, sequence)
            }
            Some(gap) => frame::opening_with_gap(shared.retry(), &gap),
        };
        if self.offer.is_none() {
            let stall_timeout = shared.settings.stall_timeout;
            let mut response = event_stream(Body::new(body::Body::new(stream, opening)));
            response.extensions_mut().insert(StallTimeout(stall_timeout));
            return response;
        }
        let mut response = event_stream(Body::empty());
        let takeover = Takeover::new(move |taken| SocketStream::new(taken, stream, &opening));
        response.extensions_mut().insert(takeover);
        response
    }
}

/// A native `EventSource` gives up for good on any status but 200. So whoever cannot be served now gets an event stream
/// that ends at once, and comes back.
fn come_back(shared: &Shared, later: Later) -> Response {
    tracing::debug!(%later, "a client is to come back later");
    shared.metrics.refused(later);
    let mut response = event_stream(Body::from(frame::come_back(shared.retry_after(later)).text()));
    if later == Later::Draining {
        // On the same connection it would come back to this node for as long as that takes to end.
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
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
