//! What is sent.

use chrono::{DateTime, Utc};
use domain::preferences::Silence;
use proto_schemas::Cursor;
use proto_schemas::events::v1::Words;
use serde::Serialize;
use store::inbox::{Audience, Counts, InboxRow};
use store::projection::Position;
use utoipa::ToSchema;
use uuid::Uuid;

use super::language::Languages;
use crate::current::Current;

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
    /// BCP 47 tag of the language of both: of those that an announcement has, the one that `Accept-Language` likes best.
    locale: String,
    /// Where to read more: an absolute URL or a path of the site.
    link: Option<String>,
    /// When it happened.
    time: DateTime<Utc>,
    /// When it stops mattering, if ever.
    expirytime: Option<DateTime<Utc>>,
    /// Whether that is over: no news any more, whatever its state.
    expired: bool,
    /// Whether it was said to this person alone (`personal`) or to everybody (`everybody`).
    audience: &'static str,
    /// When it was first shown to this person.
    seen_at: Option<DateTime<Utc>>,
    /// When this person read it, if they have.
    read_at: Option<DateTime<Utc>>,
    /// When this person put it away, if they have.
    archived_at: Option<DateTime<Utc>>,
    /// Why it came without an alert, if it did: `type_off`, `funding_muted` or `quiet_hours`.
    silenced: Option<&'static str>,
}

/// How much of the inbox waits for its owner, whatever part of it is listed. What has expired or came silently counts too.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct CountsAnswer {
    /// Neither read nor archived.
    unread: u64,
    /// Neither seen nor archived.
    unseen: u64,
}

/// Newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationPage {
    pub(crate) notifications: Vec<Item>,
    /// Pass it as `before` for the page after this one; `null` on the last. New notifications do not shift pages.
    #[schema(value_type = Option<String>)]
    pub(crate) next: Option<Cursor>,
    pub(crate) counts: CountsAnswer,
    /// Everything up to here is in the answer. `null` before anything was ever told to anybody.
    #[schema(value_type = Option<String>)]
    pub(crate) cursor: Option<Cursor>,
}

/// How much of the inbox waits for its owner.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnreadCount {
    #[serde(flatten)]
    pub(crate) counts: CountsAnswer,
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

/// What became of a change.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StateAnswer {
    /// Once a list reaches this cursor, it shows the change.
    #[schema(value_type = String, example = "k3v9x2ma.1031")]
    pub(crate) cursor: Option<Cursor>,
    /// Whether there was anything to change. If not, there is no event of it.
    pub(crate) changed: bool,
}

/// What items are shown by, besides themselves.
pub(crate) struct Reader<'a> {
    pub(crate) position: &'a Position,
    pub(crate) languages: &'a Languages,
    pub(crate) now: DateTime<Utc>,
}

impl Item {
    pub(crate) fn new(row: InboxRow, reader: &Reader<'_>) -> Self {
        let notification = row.notification;
        let own = Words {
            locale: notification.locale,
            title: notification.title,
            body: notification.body,
        };
        let Words { locale, title, body } =
            reader.languages.choose(&row.translations).cloned().unwrap_or(own);
        Self {
            id: notification.event_id,
            cursor: reader.position.epoch.at(row.sequence),
            event_type: notification.event_type,
            subject: notification.subject,
            title,
            body,
            locale,
            link: row.link,
            time: notification.occurred_at,
            expirytime: notification.expires_at,
            expired: notification
                .expires_at
                .is_some_and(|expires_at| expires_at <= reader.now),
            audience: match row.audience {
                Audience::Personal => "personal",
                Audience::Everybody => "everybody",
            },
            seen_at: row.state.seen_at,
            read_at: row.state.read_at,
            archived_at: row.state.archived_at,
            silenced: row.silenced.map(Silence::as_str),
        }
    }
}

impl From<Counts> for CountsAnswer {
    fn from(counts: Counts) -> Self {
        Self {
            unread: counts.unread,
            unseen: counts.unseen,
        }
    }
}

macro_rules! current {
    ($($answer:ident),+) => {
        $(impl Current for $answer {
            fn cursor(&mut self) -> &mut Option<Cursor> {
                &mut self.cursor
            }
        })+
    };
}

current!(NotificationPage, UnreadCount, Exists, StateAnswer);
