use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use proto_schemas::UserId;
use service_kit::auth::{Identity, Writer};
use service_kit::problem::Problem;
use store::alerts::{AlertSetting, Put};
use uuid::Uuid;

use super::answer::{Alert, AlertPage};
use super::request::{AlertChange, AlertQuery, Id, MAX_LIMIT, NewAlert, could_be_an_id, not_found};
use crate::Inbox;
use crate::body::Body;
use crate::description::{BodilessWriteRefusals, Refusals, WriteRefusals};
use crate::query::Asked;
use crate::tables::answered;

const DEFAULT_LIMIT: u64 = 100;

/// The person's alerts, in the order of their ids.
#[utoipa::path(
    get, path = "/v1/alerts", operation_id = "listAlerts", params(AlertQuery),
    responses(
        (status = 200, body = AlertPage),
        Refusals,
    )
)]
pub(crate) async fn list(
    State(inbox): State<Inbox>,
    identity: Identity,
    Asked(query): Asked<AlertQuery>,
) -> Result<Json<AlertPage>, Problem> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::malformed(format!(
            "limit is {limit}; it goes from 1 to {MAX_LIMIT}"
        )));
    }
    let after = query.after.as_deref();
    if after.is_some_and(|id| !could_be_an_id(id)) {
        return Err(Problem::malformed("after is no id of an alert"));
    }
    // One alert more than asked for says whether there is another page.
    let alerts = inbox.store.list_alerts(&identity.user, after, limit + 1).await;
    let mut alerts = answered(alerts)?;
    let more = alerts.len() as u64 > limit;
    alerts.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = alerts.last().filter(|_| more).map(|alert| alert.id.clone());
    let alerts = inbox.shown_alerts(&identity.user, alerts).await?;
    Ok(Json(AlertPage { alerts, next }))
}

/// Sets an alert. It comes due from now on: not for a time that has passed when it is set.
///
/// To be able to ask again when no answer arrives, choose the id and `PUT` the alert instead.
#[utoipa::path(
    post, path = "/v1/alerts", operation_id = "createAlert", request_body = NewAlert,
    responses(
        (status = 201, body = Alert, headers(("location" = String, description = "The path of the alert."))),
        (status = 409, body = Problem, content_type = "application/problem+json",
            description = "The person has as many alerts as they may."),
        WriteRefusals,
    )
)]
pub(crate) async fn create(
    State(inbox): State<Inbox>,
    writer: Writer,
    Body(alert): Body<NewAlert>,
) -> Result<Response, Problem> {
    let id = Uuid::new_v4().to_string();
    inbox.put_alert(&writer.user, &id, &alert.into()).await
}

/// One of the person's alerts.
#[utoipa::path(
    get, path = "/v1/alerts/{id}", operation_id = "readAlert", params(("id" = String, Path)),
    responses(
        (status = 200, body = Alert),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        Refusals,
    )
)]
pub(crate) async fn read(
    State(inbox): State<Inbox>,
    identity: Identity,
    Id(id): Id,
) -> Result<Json<Alert>, Problem> {
    let alert = answered(inbox.store.find_alert(&identity.user, &id).await)?;
    let alert = alert.ok_or_else(not_found)?;
    Ok(Json(inbox.shown_alert(&identity.user, alert).await?))
}

/// Makes an alert what is asked for, or sets it under this id: a UUID of the client's own, in lower case. Asked again, it
/// changes nothing.
#[utoipa::path(
    put, path = "/v1/alerts/{id}", operation_id = "putAlert", params(("id" = String, Path)), request_body = NewAlert,
    responses(
        (status = 200, body = Alert, description = "It was there."),
        (status = 201, body = Alert, description = "It is new.",
            headers(("location" = String, description = "The path of the alert."))),
        (status = 404, body = Problem, content_type = "application/problem+json",
            description = "None of the person's alerts has this id, and it is no UUID."),
        (status = 409, body = Problem, content_type = "application/problem+json",
            description = "The person has as many alerts as they may."),
        WriteRefusals,
    )
)]
pub(crate) async fn put(
    State(inbox): State<Inbox>,
    writer: Writer,
    Id(id): Id,
    Body(alert): Body<NewAlert>,
) -> Result<Response, Problem> {
    let setting = alert.into();
    if is_uuid(&id) {
        return inbox.put_alert(&writer.user, &id, &setting).await;
    }
    // The site's ids are not for others to make up.
    let change = |stored: &mut AlertSetting| *stored = setting;
    let changed = answered(inbox.store.change_alert(&writer.user, &id, change).await)?;
    let alert = changed.ok_or_else(|| Problem {
        detail: "none of your alerts has this id; set a new one under a UUID in lower case".to_owned(),
        ..not_found()
    })?;
    Ok(Json(inbox.shown_alert(&writer.user, alert).await?).into_response())
}

/// Changes what is named of an alert; `null` clears what may be absent. Moved to another time, it comes due from now on.
#[utoipa::path(
    patch, path = "/v1/alerts/{id}", operation_id = "changeAlert", params(("id" = String, Path)),
    request_body = AlertChange,
    responses(
        (status = 200, body = Alert),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        WriteRefusals,
    )
)]
pub(crate) async fn change(
    State(inbox): State<Inbox>,
    writer: Writer,
    Id(id): Id,
    Body(change): Body<AlertChange>,
) -> Result<Json<Alert>, Problem> {
    let changed = inbox
        .store
        .change_alert(&writer.user, &id, |setting| change.apply(setting))
        .await;
    let alert = answered(changed)?.ok_or_else(not_found)?;
    Ok(Json(inbox.shown_alert(&writer.user, alert).await?))
}

/// Deletes an alert.
#[utoipa::path(
    delete, path = "/v1/alerts/{id}", operation_id = "deleteAlert", params(("id" = String, Path)),
    responses(
        (status = 204),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        BodilessWriteRefusals,
    )
)]
pub(crate) async fn delete(
    State(inbox): State<Inbox>,
    writer: Writer,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let was_there = answered(inbox.store.delete_alert(&writer.user, &id).await)?;
    if was_there {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(not_found())
    }
}

impl Inbox {
    async fn put_alert(&self, owner: &UserId, id: &str, setting: &AlertSetting) -> Result<Response, Problem> {
        let most = self.settings.max_alerts;
        match answered(self.store.put_alert(owner, id, setting, most).await)? {
            Put::Created(alert) => {
                let location = [(header::LOCATION, format!("/v1/alerts/{id}"))];
                let alert = Json(self.shown_alert(owner, alert).await?);
                Ok((StatusCode::CREATED, location, alert).into_response())
            }
            Put::Replaced(alert) => Ok(Json(self.shown_alert(owner, alert).await?).into_response()),
            Put::Full => Err(Problem::new(
                StatusCode::CONFLICT,
                "too-many-alerts",
                "There are too many alerts",
                format!("you have {most} alerts or more, and may have no other; delete one first"),
            )),
        }
    }
}

/// As it is written: another way of writing it would be another alert.
fn is_uuid(id: &str) -> bool {
    Uuid::try_parse(id).is_ok_and(|uuid| uuid.to_string() == id)
}
