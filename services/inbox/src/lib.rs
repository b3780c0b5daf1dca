//! The inbox over HTTP: a person's notifications, how many they have not read, whether there are any, and the alerts that
//! they set.
//!
//! Every answer names the cursor that it is current to. A client that was just told of an event passes that event's
//! cursor as `at_least` and is answered once the table has it, so that it never reads an older table than it knows of.

mod alerts;
mod answer;
mod freshness;
mod handlers;
mod settings;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use service_kit::auth::Authenticator;
use service_kit::openapi::{Tokens, described};
use store::Store;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use settings::Settings;

#[derive(Clone)]
struct Inbox {
    store: Store,
    settings: Arc<Settings>,
    authenticator: Arc<Authenticator>,
}

impl FromRef<Inbox> for Arc<Authenticator> {
    fn from_ref(inbox: &Inbox) -> Self {
        Self::clone(&inbox.authenticator)
    }
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Lastcall inbox", description = "A person's notifications, as of a stated position in the log, and the alerts they set."),
    modifiers(&Tokens)
)]
struct Api;

/// The routes below `/v1`, with their description at `/v1/openapi.json`.
pub fn router(store: Store, settings: Settings, authenticator: Arc<Authenticator>) -> Router {
    described(routes(store, settings, authenticator))
}

/// The routes below `/v1`, and their description, to be merged with others.
pub fn routes(store: Store, settings: Settings, authenticator: Arc<Authenticator>) -> OpenApiRouter {
    let settings = Arc::new(settings);
    OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(handlers::list))
        .routes(routes!(handlers::unread_count))
        .routes(routes!(handlers::exists))
        .merge(alerts::router())
        .with_state(Inbox {
            store,
            settings,
            authenticator,
        })
}
