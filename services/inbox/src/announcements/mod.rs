//! What operators tell everybody.
//!
//! An announcement is one event for all, in each language that it was written in. Who may post one is said by the token's
//! scope.

mod announcer;
mod handlers;
mod request;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Inbox;

/// The routes below `/v1/announcements`.
pub(crate) fn router() -> OpenApiRouter<Inbox> {
    OpenApiRouter::new().routes(routes!(handlers::post))
}
