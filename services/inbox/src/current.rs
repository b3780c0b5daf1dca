//! Answers that say where in the log they are current to, and need not be sent again while nothing else in them changes.
//!
//! A position moves with everything that anybody is told; what a person is answered does so rarely. So the tag of an answer
//! is one of all else in it, and the position comes in a header also where the answer itself is not sent.

use axum::Json;
use axum::http::header::{
    ACCEPT_LANGUAGE, AUTHORIZATION, CACHE_CONTROL, COOKIE, ETAG, IF_MATCH, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use proto_schemas::Cursor;
use serde::Serialize;
use service_kit::problem::Problem;
use sha2::{Digest as _, Sha256};
use store::projection::Position;

/// Where an answer is current to.
const CURSOR: HeaderName = HeaderName::from_static("lastcall-cursor");

/// Bytes of a hash in a tag. Nobody tries to make two inboxes of one person look the same.
const TAG_BYTES: usize = 16;

/// An answer that says where it is current to.
pub(crate) trait Current: Serialize {
    /// Where that is said.
    fn cursor(&mut self) -> &mut Option<Cursor>;
}

/// What a client has already, if anything.
pub(crate) struct Tag(String);

impl Tag {
    /// Of an answer as it is, but for its position: equal to another that says the same.
    pub(crate) fn of(answer: &impl Serialize) -> Result<Self, Problem> {
        let written = serde_json::to_vec(answer).map_err(|error| Problem::internal(&error))?;
        let hash = Sha256::digest(written);
        let digits: String = hash[..TAG_BYTES]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(Self(format!("W/\"{digits}\"")))
    }

    /// Of what a message of the log made so; 0 is before any did.
    pub(crate) fn of_version(sequence: u64) -> Self {
        Self(format!("\"{sequence}\""))
    }

    /// Whether `If-None-Match` names it, by the weak comparison
    /// ([RFC 9110 §13.1.2](https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2)).
    fn is_known(&self, request: &HeaderMap) -> bool {
        let ours = opaque(&self.0);
        named(request, IF_NONE_MATCH).any(|tag| tag == "*" || opaque(tag) == ours)
    }

    /// Whether `If-Match`, if it is there, names it, by the strong comparison
    /// ([RFC 9110 §13.1.1](https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1)).
    pub(crate) fn is_expected(&self, request: &HeaderMap) -> bool {
        !request.contains_key(IF_MATCH)
            || named(request, IF_MATCH).any(|tag| tag == "*" || (tag == self.0 && !tag.starts_with("W/")))
    }
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

fn named(request: &HeaderMap, header: HeaderName) -> impl Iterator<Item = &str> {
    let values = request.get_all(header).into_iter();
    let lists = values.filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(str::trim)
}

/// An answer that is not sent to who has it.
pub(crate) fn current(request: &HeaderMap, mut answer: impl Current) -> Result<Response, Problem> {
    let cursor = answer.cursor().take();
    let tag = Tag::of(&answer)?;
    *answer.cursor() = cursor;
    Ok(tagged(request, answer, &tag))
}

/// The same with a tag of its own.
pub(crate) fn tagged(request: &HeaderMap, mut answer: impl Current, tag: &Tag) -> Response {
    let cursor = answer.cursor().clone();
    let mut response = if tag.is_known(request) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Json(answer).into_response()
    };
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&tag.0) {
        headers.insert(ETAG, tag);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    for name in [AUTHORIZATION, COOKIE, ACCEPT_LANGUAGE] {
        headers.append(VARY, HeaderValue::from(name));
    }
    at(cursor.as_ref(), response)
}

/// An answer to a change, which nothing keeps.
pub(crate) fn done(status: StatusCode, mut answer: impl Current) -> Response {
    let cursor = answer.cursor().clone();
    at(cursor.as_ref(), (status, Json(answer)).into_response())
}

fn at(cursor: Option<&Cursor>, mut response: Response) -> Response {
    let cursor = cursor.and_then(|cursor| HeaderValue::from_str(&cursor.to_string()).ok());
    if let Some(cursor) = cursor {
        response.headers_mut().insert(CURSOR, cursor);
    }
    response
}

/// The position as clients carry it.
pub(crate) fn cursor_of(position: Option<&Position>) -> Option<Cursor> {
    position.map(|position| position.epoch.at(position.sequence))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: &HeaderName, values: &[&'static str]) -> HeaderMap {
        let values = values
            .iter()
            .map(|value| (name.clone(), HeaderValue::from_static(value)));
        values.fold(HeaderMap::new(), |mut headers, (name, value)| {
            headers.append(name, value);
            headers
        })
    }

    #[test]
    fn an_answer_is_known_by_any_of_the_tags_that_are_named() {
        let tag = Tag("W/\"ab\"".to_owned());
        for known in [
            &["W/\"ab\""][..],
            &["\"ab\""],
            &["\"x\", W/\"ab\""],
            &["\"x\"", "\"ab\""],
            &["*"],
        ] {
            assert!(tag.is_known(&request(&IF_NONE_MATCH, known)), "{known:?}");
        }
        for other in [&[][..], &[""], &["ab"], &["W/\"abc\", \"x\""]] {
            assert!(!tag.is_known(&request(&IF_NONE_MATCH, other)), "{other:?}");
        }
    }

    #[test]
    fn a_condition_is_met_by_the_very_tag_alone() {
        let tag = Tag::of_version(7);
        for met in [&[][..], &["\"7\""], &["\"6\",\"7\""], &["*"]] {
            assert!(tag.is_expected(&request(&IF_MATCH, met)), "{met:?}");
        }
        for unmet in [&[""][..], &["W/\"7\""], &["7"], &["\"77\""]] {
            assert!(!tag.is_expected(&request(&IF_MATCH, unmet)), "{unmet:?}");
        }
    }
}
