use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::Utc;
use service_kit::auth::Identity;
use service_kit::problem::Problem;
use store::inbox::{AsOf, InboxPage};

use super::answer::{Exists, Item, NotificationPage, Reader, UnreadCount};
use super::language::Languages;
use super::request::{ListQuery, Listed};
use crate::Inbox;
use crate::current::{current, cursor_of};
use crate::description::{FreshRefusals, IfNoneMatch, NotModified};
use crate::freshness::{FreshnessQuery, other_log};
use crate::query::Asked;
use crate::tables::answered;

/// The person's notifications, newest first.
#[utoipa::path(
    get, path = "/v1/notifications", operation_id = "listNotifications",
    params(
        ListQuery,
        IfNoneMatch,
        ("accept-language" = Option<String>, Header, description = "In which language announcements are wanted."),
    ),
    responses(
        (status = 200, body = NotificationPage, headers(
            ("etag" = String, description = "Of all in the answer but its cursor."),
            ("lastcall-cursor" = String, description = "The answer's cursor, if it has one."),
        )),
        NotModified,
        FreshRefusals,
    )
)]
pub(crate) async fn list(
    State(inbox): State<Inbox>,
    identity: Identity,
    request: HeaderMap,
    Asked(query): Asked<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let now = Utc::now();
    let listed = Listed::read(query, now)?;
    inbox.wait_until_at_least(listed.at_least.as_deref()).await?;
    let page = inbox.page(&identity, &listed).await?;
    let AsOf {
        value: InboxPage { mut rows, counts },
        position,
    } = page;
    let mut answer = NotificationPage {
        notifications: Vec::new(),
        next: None,
        counts: counts.into(),
        cursor: cursor_of(position.as_ref()),
    };
    if let Some(position) = &position {
        let limit = usize::try_from(listed.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| more);
        answer.next = last.map(|row| position.epoch.at(row.sequence));
        let languages = Languages::of(&request);
        let reader = Reader {
            position,
            languages: &languages,
            now,
        };
        answer.notifications = rows.into_iter().map(|row| Item::new(row, &reader)).collect();
    }
    current(&request, answer)
}

/// How much of the inbox waits for the person.
#[utoipa::path(
    get, path = "/v1/notifications/unread-count", operation_id = "countUnread",
    params(FreshnessQuery, IfNoneMatch),
    responses(
        (status = 200, body = UnreadCount, headers(
            ("etag" = String, description = "Of all in the answer but its cursor."),
            ("lastcall-cursor" = String, description = "The answer's cursor, if it has one."),
        )),
        NotModified,
        FreshRefusals,
    )
)]
pub(crate) async fn unread_count(
    State(inbox): State<Inbox>,
    identity: Identity,
    request: HeaderMap,
    Asked(query): Asked<FreshnessQuery>,
) -> Result<Response, Problem> {
    inbox.wait_until_at_least(query.at_least.as_deref()).await?;
    let AsOf { value, position } = answered(inbox.store.inbox_counts(&identity.user).await)?;
    let answer = UnreadCount {
        counts: value.into(),
        cursor: cursor_of(position.as_ref()),
    };
    current(&request, answer)
}

/// Whether the person has any unread notification. Cheaper than counting.
#[utoipa::path(
    get, path = "/v1/notifications/exists", operation_id = "anyUnread",
    params(FreshnessQuery, IfNoneMatch),
    responses(
        (status = 200, body = Exists, headers(
            ("etag" = String, description = "Of all in the answer but its cursor."),
            ("lastcall-cursor" = String, description = "The answer's cursor, if it has one."),
        )),
        NotModified,
        FreshRefusals,
    )
)]
pub(crate) async fn exists(
    State(inbox): State<Inbox>,
    identity: Identity,
    request: HeaderMap,
    Asked(query): Asked<FreshnessQuery>,
) -> Result<Response, Problem> {
    inbox.wait_until_at_least(query.at_least.as_deref()).await?;
    let AsOf { value, position } = answered(inbox.store.unread_exists(&identity.user).await)?;
    let answer = Exists {
        exists: value,
        cursor: cursor_of(position.as_ref()),
    };
    current(&request, answer)
}

impl Inbox {
    /// The page asked for and one row more, which says whether there is another page.
    async fn page(&self, identity: &Identity, listed: &Listed) -> Result<AsOf<InboxPage>, Problem> {
        let before = listed.before.as_ref();
        let sequence = before.map(|cursor| cursor.sequence);
        let page = self
            .store
            .list_notifications(&identity.user, &listed.filter, sequence, listed.limit + 1)
            .await;
        let page = answered(page)?;
        let epoch = page.position.as_ref().map(|position| &position.epoch);
        match (before, epoch) {
            (Some(cursor), Some(epoch)) if cursor.epoch != *epoch => Err(other_log(cursor)),
            _ => Ok(page),
        }
    }
}
