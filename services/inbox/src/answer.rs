//! What is sent, and what may be asked for.

use chrono::{DateTime, Utc};
use proto_schemas::Cursor;
use serde::{Deserialize, Serialize};
use store::inbox::{Audience, InboxRow};
use store::projection::Position;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The most notifications on one page.
pub(crate) const MAX_LIMIT: u64 = 200;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// How many at the most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub(crate) limit: Option<u64>,
    /// The `next` of the page before; without, the newest.
    pub(crate) before: Option<String>,
    /// Answer only once everything up to this cursor is in the answer.
    pub(crate) at_least: Option<String>,
}

/// How fresh the answer has to be.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct FreshnessQuery {
    /// Answer only once everything up to this cursor is in the answer.
    pub(crate) at_least: Option<String>,
}

/// One notification.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Item {
    /// Id of the event it comes from, the same as in the stream.
    id: Uuid,
    /// The event's place in the log.
    #[schema(value_type = String, example = "k3v9x2ma.1024")]
    cursor: Cursor,
    /// The event's CloudEvents type.
    #[serde(rename = "type")]
    #[schema(example = "lastcall.coupon.expiring.v1")]
    event_type: String,
    /// What it is about, as `<kind>/<id>`.
    #[schema(example = "coupon/c771")]
    subject: String,
    /// One line to show.
    title: String,
    /// A sentence or two to show.
    body: String,
    /// BCP 47 tag of the language of both.
    locale: String,
    /// When it happened.
    time: DateTime<Utc>,
    /// When it stops mattering, if ever.
    expirytime: Option<DateTime<Utc>>,
    /// Whether it was said to this person alone (`personal`) or to everybody (`everybody`).
    audience: &'static str,
    /// When this person read it, if they have.
    read_at: Option<DateTime<Utc>>,
}

/// Newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationPage {
    pub(crate) notifications: Vec<Item>,
    /// Pass it as `before` for the page after this one; absent on the last. New notifications do not shift pages.
    #[schema(value_type = Option<String>)]
    pub(crate) next: Option<Cursor>,
    /// Everything up to here is in the answer. Absent before anything was ever told to anybody.
    #[schema(value_type = Option<String>)]
    pub(crate) cursor: Option<Cursor>,
}

/// How many notifications the person has not read, expired ones included.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnreadCount {
    pub(crate) unread: u64,
    /// Everything up to here is counted.
    #[schema(value_type = Option<String>)]
    pub(crate) cursor: Option<Cursor>,
}

/// Whether there is any unread notification.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Exists {
    pub(crate) exists: bool,
    /// Everything up to here was looked at.
    #[schema(value_type = Option<String>)]
    pub(crate) cursor: Option<Cursor>,
}

impl Item {
    pub(crate) fn new(row: InboxRow, position: &Position) -> Self {
        let notification = row.notification;
        Self {
            id: notification.event_id,
            cursor: position.epoch.at(row.sequence),
            event_type: notification.event_type,
            subject: notification.subject,
            title: notification.title,
            body: notification.body,
            locale: notification.locale,
            time: notification.occurred_at,
            expirytime: notification.expires_at,
            audience: match row.audience {
                Audience::Personal => "personal",
                Audience::Everybody => "everybody",
            },
            read_at: row.read_at,
        }
    }
}

/// The position as clients carry it.
pub(crate) fn cursor_of(position: Option<&Position>) -> Option<Cursor> {
    position.map(|position| position.epoch.at(position.sequence))
}
