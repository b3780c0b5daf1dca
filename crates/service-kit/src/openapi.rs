//! The description of an API, served beside it at `/v1/openapi.json`.
//!
//! Parts that answer on one listener are merged with their descriptions first, so that what is served describes all of
//! them.

use axum::Router;
use axum::routing::get;
use utoipa::Modify;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;

use crate::auth::COOKIE_NAME;

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
    router.route(PATH, get(|| async move { axum::Json(api) }))
}
