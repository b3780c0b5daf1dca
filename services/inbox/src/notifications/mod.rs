//! A person's notifications: the list, the counts, and what the person does with them.

mod answer;
mod change;
mod handlers;
mod language;
mod request;
mod state;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Inbox;

/// The routes below `/v1/notifications`.
pub(crate) fn router() -> OpenApiRouter<Inbox> {
    OpenApiRouter::new()
        .routes(routes!(handlers::list))
        .routes(routes!(handlers::unread_count))
        .routes(routes!(handlers::exists))
        .routes(routes!(state::change))
}
