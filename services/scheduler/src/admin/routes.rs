use std::sync::Arc;

use axum::Router;
use service_kit::admin::Operators;
use service_kit::openapi::document;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::requests::Requests;
use super::{Administration, handlers};
use crate::engine::Engine;

#[derive(Clone)]
pub(super) struct Admin {
    pub(super) administration: Arc<Administration>,
    pub(super) engine: Engine,
    pub(super) requests: Requests,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Lastcall jobs",
        description = "What the scheduler's jobs do and did, and steering them. For operators, on the admin port."
    ),
    security(("operator" = []))
)]
struct Api;

/// The routes below `/v1/jobs`, for `operators`, with their description at `/v1/openapi.json`, for everybody.
pub fn router(engine: Engine, operators: &Operators, requests: Requests) -> Router {
    let (router, mut api) = OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(handlers::list))
        .routes(routes!(handlers::show))
        .routes(routes!(handlers::history))
        .routes(routes!(handlers::run))
        .routes(routes!(handlers::begin))
        .routes(routes!(handlers::pause))
        .routes(routes!(handlers::resume))
        .split_for_parts();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The value of admin.token."))
        .build();
    let components = api.components.get_or_insert_default();
    components.add_security_scheme("operator", SecurityScheme::Http(bearer));

    let admin = Admin {
        administration: Arc::new(Administration::new(
            engine.store().clone(),
            engine.plans().clone(),
        )),
        engine,
        requests,
    };
    operators.guard(router.with_state(admin)).merge(document(api))
}
