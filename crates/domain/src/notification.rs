//! What a person's inbox shows of an event.

use chrono::{DateTime, Utc};
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
