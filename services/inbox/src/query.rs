//! Query strings, refused in the form of every other refusal.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use axum::response::{IntoResponse, Response};
use service_kit::problem::Problem;

/// What a query string asks for.
#[derive(FromRequestParts)]
#[from_request(via(Query), rejection(MalformedQuery))]
pub(crate) struct Asked<T>(pub(crate) T);

pub(crate) struct MalformedQuery(QueryRejection);

impl From<QueryRejection> for MalformedQuery {
    fn from(rejection: QueryRejection) -> Self {
        Self(rejection)
    }
}

impl IntoResponse for MalformedQuery {
    fn into_response(self) -> Response {
        Problem::malformed(self.0.body_text()).into_response()
    }
}
