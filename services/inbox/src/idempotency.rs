//! Requests that may be sent again.
//!
//! A client that heard no answer does not know whether its change was made. It names each change by a key of its own and
//! sends it again with the same key. The id of the event that the change becomes is made of the person and the key, so the
//! log itself tells a repetition, whichever process it reaches and whatever happened to the one before; nothing is kept
//! anywhere else. A key is remembered as long as the log remembers ids: `nats.duplicate_window`.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use domain::occurrence::event_id;
use proto_schemas::UserId;
use service_kit::problem::Problem;
use uuid::Uuid;

/// Where the client says it.
pub(crate) const HEADER: &str = "idempotency-key";

/// The longest that it may be.
pub(crate) const MAX_BYTES: usize = 255;

/// What a client calls its request, if it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdempotencyKey(Option<String>);

/// The name of an event to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    /// That of an earlier request may be the same.
    Chosen(Uuid),
    /// Nobody has it.
    Random(Uuid),
}

impl Name {
    pub(crate) fn id(self) -> Uuid {
        match self {
            Self::Chosen(id) | Self::Random(id) => id,
        }
    }
}

impl IdempotencyKey {
    /// What the event of this person's request is called.
    pub(crate) fn name(&self, user: &UserId) -> Name {
        match &self.0 {
            Some(key) => Name::Chosen(event_id(&["request", user.as_str(), key])),
            None => Name::Random(Uuid::new_v4()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(HEADER).iter();
        let (Some(value), rest) = (values.next(), values.next()) else {
            return Ok(Self(None));
        };
        let printable = |byte: &u8| (b' '..=b'~').contains(byte);
        let bytes = value.as_bytes();
        if rest.is_some() || !(1..=MAX_BYTES).contains(&bytes.len()) || !bytes.iter().all(printable) {
            return Err(Problem::malformed(format!(
                "the header Idempotency-Key is one text of 1 to {MAX_BYTES} printable ASCII characters"
            )));
        }
        Ok(Self(Some(String::from_utf8_lossy(bytes).into_owned())))
    }
}

/// Another request went by this key before.
pub(crate) fn reused() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "idempotency-key-reused",
        "The key belongs to another request",
        "another request was sent with this Idempotency-Key; choose a new key for each change",
    )
}
