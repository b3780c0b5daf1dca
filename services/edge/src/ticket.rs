//! Stream tickets, for clients that can set no header and have no cookie here: a plain `EventSource` on another site.
//!
//! Whoever has a token gets a ticket for it, and opens one stream with it. A ticket stands in an address, which proxies and
//! browsers write down; used, it is worth nothing. It is used up by the last thing that is done before the stream begins,
//! so that a client that has to come back can come back with it.

mod quota;

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{FromRef, FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use event_log::{Admission, GoodTicket, TICKET_LIFE, Ticket, TicketError, Use};
use proto_schemas::UserId;
use serde::{Deserialize, Serialize};
use service_kit::auth::{Authenticator, Identity, Writer};
use service_kit::problem::Problem;
use service_kit::secret::Secret;
use service_kit::telemetry::chain;
use utoipa::ToSchema;

use crate::denied::Denied;
use crate::edge::{Edge, Shared};
use crate::metrics::Later;

pub(crate) use quota::Quota;

/// What a request shows to be let in. A ticket is the only thing that counts where there is one: it was put there on purpose,
/// while browsers add cookies by themselves.
pub(crate) enum Credential {
    Token(Identity),
    Ticket(Ticket),
}

/// Who is let in, and until when.
pub(crate) struct Pass {
    pub(crate) user: UserId,
    pub(crate) expires_at: DateTime<Utc>,
    ticket: Option<GoodTicket>,
}

#[derive(Deserialize)]
struct Parameters {
    ticket: Option<Secret>,
}

/// A ticket as it is given out.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamTicket)]
pub(crate) struct Made<'a> {
    /// To be sent as `ticket` in the address of a stream. It opens one.
    ticket: &'a str,
    /// When it is worth nothing any more.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// A ticket that opens one stream as the one who asks, for clients that can set no header and have no cookie here.
#[utoipa::path(
    post, path = "/v1/stream/ticket", operation_id = "makeStreamTicket",
    responses(
        (status = 201, description = "A ticket", body = inline(Made<'static>)),
        (status = 401, description = "No token that is good",
            body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Another site asked with this person's cookie",
            body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "This person has made too many",
            body = Problem, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds"))),
        (status = 503, description = "None can be made now",
            body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn make(State(edge): State<Edge>, writer: Writer) -> Result<Response, Problem> {
    let Shared { log, tickets, .. } = &*edge.shared;
    let now = Utc::now();
    if writer.expires_at <= now {
        return Err(token_has_ended());
    }
    if tickets.take(&writer.user, Instant::now()).is_err() {
        return Ok(too_many());
    }
    let admission = Admission {
        user: writer.user,
        until: writer.expires_at,
    };
    let ticket = log.make_ticket(&admission).await.map_err(|error| {
        tracing::warn!(cause = %chain(&error), "cannot make a ticket");
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "tickets-unavailable",
            "No ticket can be made now",
            "tickets cannot be kept now; it may be tried again",
        )
    })?;
    let expires_at = admission.until.min(now + TICKET_LIFE);
    let made = Made {
        ticket: ticket.expose(),
        expires_at: expires_at.to_rfc3339_opts(SecondsFormat::Secs, true),
    };
    let never_kept = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::CREATED, never_kept, Json(made)).into_response())
}

impl Credential {
    /// Finds out who it is.
    pub(crate) async fn pass(self, shared: &Shared) -> Result<Pass, Denied> {
        let pass = match self {
            Self::Token(identity) => Pass {
                user: identity.user,
                expires_at: identity.expires_at,
                ticket: None,
            },
            Self::Ticket(ticket) => {
                let found = shared.log.find_ticket(&ticket).await;
                let found = found.map_err(|error| later(&error))?;
                let good = found.ok_or_else(not_good)?;
                Pass {
                    user: good.admission.user.clone(),
                    expires_at: good.admission.until,
                    ticket: Some(good),
                }
            }
        };
        if pass.expires_at > Utc::now() {
            return Ok(pass);
        }
        Err(Denied::Refused(match pass.ticket {
            Some(_) => not_good(),
            None => token_has_ended(),
        }))
    }
}

impl Pass {
    /// Uses up what lets in but once.
    pub(crate) async fn use_up(&self, shared: &Shared) -> Result<(), Denied> {
        let Some(ticket) = &self.ticket else { return Ok(()) };
        match shared.log.use_ticket(ticket).await {
            Ok(Use::First) => Ok(()),
            Ok(Use::TooLate) => Err(not_good().into()),
            Err(error) => Err(later(&error)),
        }
    }
}

impl<S> FromRequestParts<S> for Credential
where
    Arc<Authenticator>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(Parameters { ticket: None })) => {
                Identity::from_request_parts(parts, state).await.map(Self::Token)
            }
            Ok(Query(Parameters { ticket: Some(text) })) => Ticket::parse(text.expose())
                .map(Self::Ticket)
                .ok_or_else(not_good),
            // There are two of them.
            Err(_) => Err(not_good()),
        }
    }
}

fn later(error: &TicketError) -> Denied {
    tracing::warn!(cause = %chain(error), "cannot ask about a ticket; the client is to come back");
    Denied::Later(Later::Nats)
}

/// The same for all that are not good, so that nobody learns which ones there were.
fn not_good() -> Problem {
    Problem::unauthenticated(
        "the ticket is not good, or no more; each opens one stream, within seconds: get another one",
    )
}

/// Its `exp` has passed by less than clocks may differ. A stream would end as soon as it began.
fn token_has_ended() -> Problem {
    Problem::unauthenticated("the token has ended")
}

fn too_many() -> Response {
    let problem = Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too-many-tickets",
        "Too many tickets",
        "this user has made too many tickets in a short time; each opens one stream, which then needs none",
    );
    let retry_after = [(header::RETRY_AFTER, HeaderValue::from(TICKET_LIFE.as_secs()))];
    (retry_after, problem).into_response()
}
