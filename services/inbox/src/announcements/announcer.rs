use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use proto_schemas::UserId;
use service_kit::auth::Writer;
use service_kit::problem::Problem;

use crate::Inbox;

/// What the token of an announcer allows.
const SCOPE: &str = "announcements:write";

/// What a token without it is told ([RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)).
const CHALLENGE: HeaderValue =
    HeaderValue::from_static(r#"Bearer error="insufficient_scope", scope="announcements:write""#);

/// Who may tell everybody something.
pub(crate) struct Announcer(pub(crate) UserId);

impl FromRequestParts<Inbox> for Announcer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, inbox: &Inbox) -> Result<Self, Response> {
        let writer = Writer::from_request_parts(parts, inbox).await;
        let writer = writer.map_err(Problem::into_response)?;
        if writer.scopes.allow(SCOPE) {
            return Ok(Self(writer.user));
        }
        let problem = Problem::new(
            StatusCode::FORBIDDEN,
            "insufficient-scope",
            "The token does not allow this",
            format!("it needs a token whose scope has {SCOPE}"),
        );
        Err(([(header::WWW_AUTHENTICATE, CHALLENGE)], problem).into_response())
    }
}
