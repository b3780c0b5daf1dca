//! The description of an API, served beside it at `/v1/openapi.json`.
//!
//! Parts that answer on one listener are merged with their descriptions first, so that what is served describes all of
//! them.

use axum::Router;
use axum::http::{Method, StatusCode};
use axum::routing::get;
use utoipa::Modify;
use utoipa::openapi::path::PathItem;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder, RefOr, Response, ResponseBuilder};
use utoipa_axum::router::OpenApiRouter;

use crate::auth::COOKIE_NAME;
use crate::problem::Problem;

/// Where.
pub const PATH: &str = "/v1/openapi.json";

/// A person's token in a header, as the description calls it.
const HEADER: &str = "token";

/// The same in a cookie.
const COOKIE: &str = "cookie";

/// Adds how people say who they are, for every route that says nothing else.
#[derive(Debug, Clone, Copy)]
pub struct Tokens;

impl Modify for Tokens {
    fn modify(&self, api: &mut OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        let cookie =
            ApiKeyValue::with_description(COOKIE_NAME, "The same token, for a browser's own `EventSource`.");
        let components = api.components.get_or_insert_default();
        components.add_security_scheme(HEADER, SecurityScheme::Http(bearer));
        components.add_security_scheme(COOKIE, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        let no_scopes = Vec::<String>::new;
        api.security = Some(vec![
            SecurityRequirement::new(HEADER, no_scopes()),
            SecurityRequirement::new(COOKIE, no_scopes()),
        ]);
    }
}

/// The routes of several parts, under a title of their own.
pub fn together(
    title: &str,
    description: &str,
    parts: impl IntoIterator<Item = OpenApiRouter>,
) -> OpenApiRouter {
    let info = InfoBuilder::new()
        .title(title)
        .description(Some(description))
        .version(env!("CARGO_PKG_VERSION"))
        .build();
    let api = OpenApiBuilder::new().info(info).build();
    let parts = parts.into_iter();
    parts.fold(OpenApiRouter::with_openapi(api), OpenApiRouter::merge)
}

/// These routes, and their description for everybody.
pub fn described(router: OpenApiRouter) -> Router {
    let (router, api) = router.split_for_parts();
    router
        .merge(document(api))
        .method_not_allowed_fallback(not_allowed)
}

/// The answer's `Allow` says what is.
async fn not_allowed(method: Method) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "This cannot be done here",
        format!("there is something at this path, but {method} cannot be done with it; see the header Allow"),
    )
}

/// A description for everybody.
pub fn document(mut api: OpenApi) -> Router {
    api.paths.paths.values_mut().for_each(describe_responses);
    Router::new().route(PATH, get(|| async move { axum::Json(api) }))
}

/// Says what a status means where nothing else is said of a response:
/// [OpenAPI 3.1](https://spec.openapis.org/oas/v3.1.0#response-object) has no response without a description.
fn describe_responses(path: &mut PathItem) {
    let PathItem {
        get,
        put,
        post,
        delete,
        patch,
        ..
    } = path;
    for operation in [get, put, post, delete, patch].into_iter().flatten() {
        let responses = &mut operation.responses.responses;
        responses.entry("431".to_owned()).or_insert_with(too_large_a_head);
        for (status, response) in &mut operation.responses.responses {
            if let RefOr::T(response) = response
                && response.description.is_empty()
            {
                let status = status.parse::<StatusCode>().ok();
                let reason = status.and_then(|status| status.canonical_reason());
                reason
                    .unwrap_or("An answer")
                    .clone_into(&mut response.description);
            }
        }
    }
}

/// Of the server itself, whatever the route is.
fn too_large_a_head() -> RefOr<Response> {
    let response = ResponseBuilder::new().description("The head of the request is too large. No body.");
    response.build().into()
}

#[cfg(test)]
mod tests {
    use utoipa::openapi::path::OperationBuilder;

    use super::*;

    #[test]
    fn every_response_is_described() {
        let told = ResponseBuilder::new().description("A reason");
        let operation = OperationBuilder::new()
            .response("200", told)
            .response("404", ResponseBuilder::new())
            .response("default", ResponseBuilder::new());
        let mut path = PathItem::default();
        path.patch = Some(operation.build());
        describe_responses(&mut path);
        let described = serde_json::to_value(path).unwrap();
        let responses = &described["patch"]["responses"];
        assert_eq!(responses["200"]["description"], "A reason");
        assert_eq!(responses["404"]["description"], "Not Found");
        assert_eq!(responses["default"]["description"], "An answer");
        assert_eq!(
            responses["431"]["description"],
            "The head of the request is too large. No body."
        );
    }
}
