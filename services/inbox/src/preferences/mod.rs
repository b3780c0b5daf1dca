//! What a person wants to be alerted of.
//!
//! What they do not want arrives silently: in the list, and not as an alert. The event of a change has all that the person
//! wants from then on, so that the last one says everything.

mod answer;
mod change;
mod handlers;
mod muting;
mod request;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Inbox;

/// The routes below `/v1/preferences`.
pub(crate) fn router() -> OpenApiRouter<Inbox> {
    OpenApiRouter::new()
        .routes(routes!(handlers::read, handlers::put))
        .routes(routes!(muting::mute, muting::unmute))
}
