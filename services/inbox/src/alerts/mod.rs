//! The alerts that people set for a piece of content at a time of day: list, read, set, change and delete.
//!
//! Whose they are is said by the token alone, and an id is its owner's: nobody learns from any answer whether somebody
//! else has an alert under it.

mod answer;
mod handlers;
mod request;
mod values;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Inbox;

/// The routes below `/v1/alerts`.
pub(crate) fn router() -> OpenApiRouter<Inbox> {
    OpenApiRouter::new()
        .routes(routes!(handlers::list, handlers::create))
        .routes(routes!(
            handlers::read,
            handlers::put,
            handlers::change,
            handlers::delete
        ))
}
