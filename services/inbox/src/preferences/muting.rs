use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use service_kit::auth::Writer;
use service_kit::problem::Problem;

use super::answer::PreferencesWritten;
use super::change::Instead;
use super::request::FundingId;
use crate::Inbox;
use crate::description::{BodilessWriteRefusals, LogRefusals, MutingParameters};
use crate::idempotency::IdempotencyKey;

/// Has everything of a funding arrive silently from now on. Asked again, it changes nothing.
#[utoipa::path(
    put, path = "/v1/preferences/muted-fundings/{funding_id}", operation_id = "muteFunding",
    params(MutingParameters),
    responses(
        PreferencesWritten,
        (status = 409, body = Problem, content_type = "application/problem+json",
            description = "The person has muted as many fundings as they may."),
        (status = 413, body = Problem, content_type = "application/problem+json",
            description = "The ids of all muted fundings do not fit into one event (`nats.max_payload_bytes`)."),
        BodilessWriteRefusals,
        LogRefusals,
    )
)]
pub(crate) async fn mute(
    State(inbox): State<Inbox>,
    writer: Writer,
    key: IdempotencyKey,
    request: HeaderMap,
    FundingId(id): FundingId,
) -> Result<Response, Problem> {
    inbox
        .change_preferences(&writer.user, &key, &request, Instead::Muted(id))
        .await
}

/// Has what comes of a funding alert again. Asked again, it changes nothing.
#[utoipa::path(
    delete,
    path = "/v1/preferences/muted-fundings/{funding_id}",
    operation_id = "unmuteFunding",
    params(MutingParameters),
    responses(PreferencesWritten, BodilessWriteRefusals, LogRefusals)
)]
pub(crate) async fn unmute(
    State(inbox): State<Inbox>,
    writer: Writer,
    key: IdempotencyKey,
    request: HeaderMap,
    FundingId(id): FundingId,
) -> Result<Response, Problem> {
    inbox
        .change_preferences(&writer.user, &key, &request, Instead::Unmuted(id))
        .await
}
