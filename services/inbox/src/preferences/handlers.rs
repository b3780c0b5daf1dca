use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::preferences::Preferences;
use proto_schemas::UserId;
use service_kit::auth::{Identity, Writer};
use service_kit::problem::Problem;
use store::inbox::AsOf;

use super::answer::{PreferencesAnswer, PreferencesWritten};
use super::change::{Instead, PreferencesChange};
use super::request::PreferencesRequest;
use crate::Inbox;
use crate::body::Body;
use crate::current::{Tag, cursor_of, tagged};
use crate::description::{
    FreshRefusals, IfNoneMatch, LogRefusals, NotModified, PreferencesHeaders, WriteRefusals,
};
use crate::freshness::FreshnessQuery;
use crate::idempotency::IdempotencyKey;
use crate::query::Asked;
use crate::tables::answered;

/// What the person wants to be alerted of. Who never said wants everything.
#[utoipa::path(
    get, path = "/v1/preferences", operation_id = "readPreferences",
    params(FreshnessQuery, IfNoneMatch),
    responses(
        (status = 200, body = PreferencesAnswer, headers(
            ("etag" = String, description = "Of these preferences, for If-Match; `\"0\"` where the person never said."),
            ("lastcall-cursor" = String, description = "The answer's cursor, if it has one."),
        )),
        NotModified,
        FreshRefusals,
    )
)]
pub(crate) async fn read(
    State(inbox): State<Inbox>,
    identity: Identity,
    request: HeaderMap,
    Asked(query): Asked<FreshnessQuery>,
) -> Result<Response, Problem> {
    inbox.wait_until_at_least(query.at_least.as_deref()).await?;
    let AsOf { value, position } = answered(inbox.store.preferences(&identity.user).await)?;
    let (preferences, sequence) = value.map_or((Preferences::default(), 0), |stored| {
        (stored.preferences, stored.sequence)
    });
    let answer = PreferencesAnswer::new(preferences, cursor_of(position.as_ref()));
    Ok(tagged(&request, answer, &Tag::of_version(sequence)))
}

/// Says what the person wants from now on: all of it.
///
/// What was judged before stays as it was judged; what comes after the answer's cursor goes by the new preferences.
#[utoipa::path(
    put, path = "/v1/preferences", operation_id = "putPreferences", request_body = PreferencesRequest,
    params(PreferencesHeaders),
    responses(PreferencesWritten, WriteRefusals, LogRefusals)
)]
pub(crate) async fn put(
    State(inbox): State<Inbox>,
    writer: Writer,
    key: IdempotencyKey,
    request: HeaderMap,
    Body(body): Body<PreferencesRequest>,
) -> Result<Response, Problem> {
    let instead = Instead::All(body.wanted()?);
    inbox
        .change_preferences(&writer.user, &key, &request, instead)
        .await
}

impl Inbox {
    pub(crate) async fn change_preferences(
        &self,
        user: &UserId,
        key: &IdempotencyKey,
        request: &HeaderMap,
        instead: Instead,
    ) -> Result<Response, Problem> {
        let change = PreferencesChange {
            user,
            instead,
            request,
        };
        let written = self.write(user, key.name(user), &change).await?;
        let version = written.answer;
        let tag = Tag::of_version(version.sequence.unwrap_or(written.cursor.sequence));
        let answer = PreferencesAnswer::new(version.preferences, Some(written.cursor));
        // Nobody asks a change for what it has already: conditions of readers do not count.
        Ok(tagged(&HeaderMap::new(), answer, &tag))
    }
}
