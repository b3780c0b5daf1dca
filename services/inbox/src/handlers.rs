use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query, State};
use service_kit::auth::Identity;
use service_kit::problem::Problem;
use store::StoreError;
use store::inbox::AsOf;

use crate::Inbox;
use crate::answer::{
    Exists, FreshnessQuery, Item, MAX_LIMIT, NotificationPage, PageQuery, UnreadCount, cursor_of,
};
use crate::freshness::{other_log, parse};

const DEFAULT_LIMIT: u64 = 50;

/// A query string that is refused in the form of every other refusal.
#[derive(FromRequestParts)]
#[from_request(via(Query), rejection(MalformedQuery))]
pub(crate) struct Asked<T>(pub(crate) T);

pub(crate) struct MalformedQuery(QueryRejection);

impl From<QueryRejection> for MalformedQuery {
    fn from(rejection: QueryRejection) -> Self {
        Self(rejection)
    }
}

impl axum::response::IntoResponse for MalformedQuery {
    fn into_response(self) -> axum::response::Response {
        Problem::malformed(self.0.body_text()).into_response()
    }
}

/// The person's notifications, newest first.
#[utoipa::path(
    get, path = "/v1/notifications", operation_id = "listNotifications", params(PageQuery),
    responses(
        (status = 200, body = NotificationPage),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 410, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(inbox): State<Inbox>,
    identity: Identity,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<NotificationPage>, Problem> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::malformed(format!(
            "limit is {limit}; it goes from 1 to {MAX_LIMIT}"
        )));
    }
    let before = query
        .before
        .as_deref()
        .map(|cursor| parse("before", cursor))
        .transpose()?;
    inbox.wait_until_at_least(query.at_least.as_deref()).await?;

    let sequence = before.as_ref().map(|cursor| cursor.sequence);
    // One row more than asked for says whether there is another page.
    let page = answered(
        inbox
            .store
            .list_notifications(&identity.user, sequence, limit + 1)
            .await,
    );
    let AsOf {
        value: mut rows,
        position,
    } = page?;
    let Some(position) = position else {
        return Ok(Json(NotificationPage {
            notifications: Vec::new(),
            next: None,
            cursor: None,
        }));
    };
    if let Some(cursor) = before.filter(|cursor| cursor.epoch != position.epoch) {
        return Err(other_log(&cursor));
    }
    let more = rows.len() as u64 > limit;
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = rows
        .last()
        .filter(|_| more)
        .map(|row| position.epoch.at(row.sequence));
    let notifications = rows.into_iter().map(|row| Item::new(row, &position)).collect();
    Ok(Json(NotificationPage {
        notifications,
        next,
        cursor: cursor_of(Some(&position)),
    }))
}

/// How many notifications the person has not read.
#[utoipa::path(
    get, path = "/v1/notifications/unread-count", operation_id = "countUnread", params(FreshnessQuery),
    responses(
        (status = 200, body = UnreadCount),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 410, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn unread_count(
    State(inbox): State<Inbox>,
    identity: Identity,
    Asked(query): Asked<FreshnessQuery>,
) -> Result<Json<UnreadCount>, Problem> {
    inbox.wait_until_at_least(query.at_least.as_deref()).await?;
    let AsOf {
        value: unread,
        position,
    } = answered(inbox.store.unread_count(&identity.user).await)?;
    Ok(Json(UnreadCount {
        unread,
        cursor: cursor_of(position.as_ref()),
    }))
}

/// Whether the person has any unread notification. Cheaper than counting.
#[utoipa::path(
    get, path = "/v1/notifications/exists", operation_id = "anyUnread", params(FreshnessQuery),
    responses(
        (status = 200, body = Exists),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 410, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn exists(
    State(inbox): State<Inbox>,
    identity: Identity,
    Asked(query): Asked<FreshnessQuery>,
) -> Result<Json<Exists>, Problem> {
    inbox.wait_until_at_least(query.at_least.as_deref()).await?;
    let AsOf {
        value: exists,
        position,
    } = answered(inbox.store.unread_exists(&identity.user).await)?;
    Ok(Json(Exists {
        exists,
        cursor: cursor_of(position.as_ref()),
    }))
}

fn answered<T>(answer: Result<AsOf<T>, StoreError>) -> Result<AsOf<T>, Problem> {
    answer.map_err(|error| Problem::internal(&error))
}
