use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use service_kit::auth::Writer;
use service_kit::problem::Problem;

use super::answer::StateAnswer;
use super::change::StateChange;
use super::request::{StateRequest, Wanted};
use crate::Inbox;
use crate::body::Body;
use crate::current::done;
use crate::description::{LogRefusals, StateHeaders, WriteRefusals};
use crate::freshness::other_log;
use crate::idempotency::IdempotencyKey;

/// Marks notifications as seen, read, unread or archived, or takes them back: some by their ids, or all up to a cursor.
///
/// The answer comes once the change is in the log; lists show it from the answer's cursor on.
#[utoipa::path(
    post, path = "/v1/notifications/state", operation_id = "changeState", request_body = StateRequest,
    params(StateHeaders),
    responses(
        (status = 200, body = StateAnswer, headers(
            ("lastcall-cursor" = String, description = "The answer's cursor."),
        )),
        (status = 404, body = Problem, content_type = "application/problem+json",
            description = "Some ids, which it names as `ids`, are none of the person's notifications. Nothing is changed."),
        (status = 410, body = Problem, content_type = "application/problem+json",
            description = "The cursor is of a log that was replaced: load anew."),
        WriteRefusals,
        LogRefusals,
    )
)]
pub(crate) async fn change(
    State(inbox): State<Inbox>,
    writer: Writer,
    key: IdempotencyKey,
    Body(request): Body<StateRequest>,
) -> Result<Response, Problem> {
    let change = request.change.into();
    let wanted = request.wanted()?;
    if let Wanted::UpTo(cursor) = &wanted
        && cursor.epoch != *inbox.log.epoch()
    {
        return Err(other_log(cursor));
    }
    let user = writer.user;
    let name = key.name(&user);
    let change = StateChange::new(user, change, wanted.into());
    let written = inbox.write(change.user(), name, &change).await?;
    let answer = StateAnswer {
        cursor: Some(written.cursor),
        changed: written.changed,
    };
    Ok(done(StatusCode::OK, answer))
}
