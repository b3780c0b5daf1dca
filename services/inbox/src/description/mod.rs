//! What the routes have in common, for their description: parameters, answers without a body, and refusals.

mod parameters;

use std::collections::BTreeMap;

use service_kit::problem::Problem;
use utoipa::openapi::header::Header;
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema as _};

pub(crate) use parameters::{
    AnnouncementHeaders, IfNoneMatch, MutingParameters, PreferencesHeaders, StateHeaders,
};

pub(crate) type Responses = BTreeMap<String, RefOr<Response>>;

const MALFORMED: (u16, &str) = (400, "The request makes no sense; the detail names what does not.");
const NOBODY: (u16, &str) = (401, "No valid token.");
const FOREIGN: (u16, &str) = (403, "Made by a page of another site, with the cookie.");
const LARGE: (u16, &str) = (413, "The body is too large.");
const NO_JSON: (u16, &str) = (415, "The body is not said to be JSON.");
const KEYS: (u16, &str) = (503, "The token names a key that cannot be looked up now.");

/// Of routes whose answers are not sent to who has them.
#[derive(IntoResponses)]
#[response(
    status = 304,
    description = "The client has this answer, which is current to Lastcall-Cursor now.",
    headers(
        ("etag" = String, description = "The same as the client's."),
        ("lastcall-cursor" = String, description = "What the client's answer is current to now."),
    )
)]
pub(crate) struct NotModified;

/// Of routes that read and wait for nothing.
pub(crate) struct Refusals;

/// Of routes that can be asked for an answer that is current to some place at least.
pub(crate) struct FreshRefusals;

/// Of routes that change something by what is in their path alone.
pub(crate) struct BodilessWriteRefusals;

/// Of routes that change something.
pub(crate) struct WriteRefusals;

/// Of routes whose changes go to the log, besides.
pub(crate) struct LogRefusals;

impl IntoResponses for Refusals {
    fn responses() -> Responses {
        described([MALFORMED, NOBODY, KEYS])
    }
}

impl IntoResponses for FreshRefusals {
    fn responses() -> Responses {
        described([
            MALFORMED,
            NOBODY,
            (
                410,
                "A cursor is of a log that was replaced: load anew without it.",
            ),
            (
                503,
                "The table did not reach at_least in time, or the token names a key that cannot be looked up now: ask again.",
            ),
        ])
    }
}

impl IntoResponses for WriteRefusals {
    fn responses() -> Responses {
        let mut responses = BodilessWriteRefusals::responses();
        responses.extend(described([LARGE, NO_JSON]));
        responses
    }
}

impl IntoResponses for BodilessWriteRefusals {
    fn responses() -> Responses {
        described([MALFORMED, NOBODY, FOREIGN, KEYS])
    }
}

impl IntoResponses for LogRefusals {
    fn responses() -> Responses {
        described([
            (422, "The Idempotency-Key was sent with another request before."),
            (
                503,
                "The change is not known to be done: the log, the table or the keys of tokens cannot be reached, or too many changes wait. Ask again, with the same Idempotency-Key.",
            ),
        ])
    }
}

/// Refusals, each with its status and what it means.
pub(crate) fn described<const N: usize>(problems: [(u16, &str); N]) -> Responses {
    let responses = problems.map(|(status, description)| (status.to_string(), problem(status, description)));
    responses.into_iter().collect()
}

fn problem(status: u16, description: &str) -> RefOr<Response> {
    let schema = Ref::from_schema_name(Problem::name());
    let response = ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", Content::new(Some(schema)));
    let response = match status {
        503 => response.header("retry-after", seconds()),
        _ => response,
    };
    response.build().into()
}

fn seconds() -> Header {
    let mut header = Header::new(Object::with_type(Type::Integer));
    header.description =
        Some("Seconds to wait before the next try, where there is a number to name.".to_owned());
    header
}
