//! From an event to what a person's inbox shows.

use chrono::{DateTime, Utc};
use proto_schemas::CloudEvent;
use proto_schemas::cloud_event::DecodeError;
use proto_schemas::events::v1::Words;
use uuid::Uuid;

/// A notification as it enters the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Id of the event it comes from.
    pub event_id: Uuid,
    /// The CloudEvents type.
    pub event_type: String,
    /// What it is about, as `<kind>/<id>`.
    pub subject: String,
    /// One line.
    pub title: String,
    /// A sentence or two.
    pub body: String,
    /// Language of both.
    pub locale: String,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// When it stops mattering.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Why a stored message makes no notification.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It is no event.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It is one, but says nothing to people.
    #[error("the event has no words to show")]
    NoWords,
}

impl Notification {
    /// Reads a stored message.
    pub fn from_stored(payload: &[u8]) -> Result<Self, Refused> {
        let CloudEvent {
            id,
            time,
            expiry_time,
            event,
            ..
        } = CloudEvent::from_json(payload)?;
        let Words { locale, title, body } = event.words().first().cloned().ok_or(Refused::NoWords)?;
        Ok(Self {
            event_id: id,
            event_type: event.type_name().to_owned(),
            subject: event.aggregate(),
            title,
            body,
            locale,
            occurred_at: time,
            expires_at: expiry_time,
        })
    }
}
