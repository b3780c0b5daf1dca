//! Extractors that refuse in the form of every other refusal.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use service_kit::problem::Problem;

use crate::jobs::{Job, UnknownJob};

/// A query string.
#[derive(Debug, FromRequestParts)]
#[from_request(via(Query), rejection(Malformed))]
pub(super) struct Asked<T>(pub(super) T);

/// What a JSON body says; nothing said where there is none.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

/// The job that the path names.
#[derive(Debug)]
pub(super) struct Named(pub(super) Job);

/// The job and the run's instant, as text, that the path names.
#[derive(Debug)]
pub(super) struct NamedRun(pub(super) Job, pub(super) String);

pub(super) struct Malformed(Problem);

impl From<QueryRejection> for Malformed {
    fn from(rejection: QueryRejection) -> Self {
        Self(Problem::malformed(rejection.body_text()))
    }
}

impl axum::response::IntoResponse for Malformed {
    fn into_response(self) -> axum::response::Response {
        self.0.into_response()
    }
}

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let malformed = |rejection: JsonRejection| Problem::malformed(rejection.body_text());
        let body = <Json<T> as OptionalFromRequest<S>>::from_request(request, state).await;
        let body = body.map_err(malformed)?;
        Ok(Self(body.map(|Json(body)| body).unwrap_or_default()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let name: Result<Path<String>, _> = Path::from_request_parts(parts, state).await;
        let Path(name) = name.map_err(|rejection| malformed_path(&rejection))?;
        Ok(Self(known(&name)?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for NamedRun {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let names: Result<Path<(String, String)>, _> = Path::from_request_parts(parts, state).await;
        let Path((name, instant)) = names.map_err(|rejection| malformed_path(&rejection))?;
        Ok(Self(known(&name)?, instant))
    }
}

fn malformed_path(rejection: &PathRejection) -> Problem {
    Problem::malformed(rejection.body_text())
}

/// The problem with a job that is not there.
pub(super) fn unknown(why: &impl ToString) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "unknown-job",
        "There is no such job",
        why.to_string(),
    )
}

fn known(name: &str) -> Result<Job, Problem> {
    name.parse().map_err(|error: UnknownJob| unknown(&error))
}
