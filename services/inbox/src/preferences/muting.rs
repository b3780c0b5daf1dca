use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use service_kit::auth::Writer;
use service_kit::problem::Problem;

use super::answer::PreferencesAnswer;
use super::change::Instead;
use super::request::FundingId;
use crate::Inbox;
use crate::description::{BodilessWriteRefusals, LogRefusals};
use crate::idempotency::IdempotencyKey;

/// Has everything of a funding arrive silently from now on. Asked again, it changes nothing.
#[utoipa::path(
    put, path = "/v1/preferences/muted-fundings/{funding_id}", operation_id = "muteFunding",
    params(
        ("funding_id" = String, Path, min_length = 1, max_length = 128, description = "The funding, as the site calls it."),
        ("if-match" = Option<String>, Header, description = "The ETag of the preferences that are to be changed; with other ones nothing is changed."),
        ("idempotency-key" = Option<String>, Header, min_length = 1, max_length = 255,
            description = "A name of the client's for this change, to be sent again with."),
    ),
    responses(
        (status = 200, body = PreferencesAnswer, headers(
            ("etag" = String, description = "Of these preferences, for If-Match."),
            ("lastcall-cursor" = String, description = "The answer's cursor: once an answer reaches it, the change is in there."),
        )),
        (status = 409, body = Problem, content_type = "application/problem+json",
            description = "The person has muted as many fundings as they may."),
        (status = 412, body = Problem, content_type = "application/problem+json",
            description = "The preferences are not those of If-Match."),
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
    delete, path = "/v1/preferences/muted-fundings/{funding_id}", operation_id = "unmuteFunding",
    params(
        ("funding_id" = String, Path, min_length = 1, max_length = 128, description = "The funding, as the site calls it."),
        ("if-match" = Option<String>, Header, description = "The ETag of the preferences that are to be changed; with other ones nothing is changed."),
        ("idempotency-key" = Option<String>, Header, min_length = 1, max_length = 255,
            description = "A name of the client's for this change, to be sent again with."),
    ),
    responses(
        (status = 200, body = PreferencesAnswer, headers(
            ("etag" = String, description = "Of these preferences, for If-Match."),
            ("lastcall-cursor" = String, description = "The answer's cursor: once an answer reaches it, the change is in there."),
        )),
        (status = 412, body = Problem, content_type = "application/problem+json",
            description = "The preferences are not those of If-Match."),
        BodilessWriteRefusals,
        LogRefusals,
    )
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
