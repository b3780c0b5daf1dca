//! The inbox over HTTP: a person's notifications and how many wait for them, what they do with these, what they want to be
//! alerted of, and the alerts that they set; and what operators tell everybody.
//!
//! Every answer names the cursor that it is current to. A client that was just told of an event passes that event's
//! cursor as `at_least` and is answered once the table has it, so that it never reads an older table than it knows of.
//!
//! What people do is appended to the log, and the table follows. Nothing of it is kept here.

mod alerts;
mod announcements;
mod body;
mod clock;
mod current;
mod description;
mod freshness;
mod idempotency;
mod lines;
mod notifications;
mod preferences;
mod query;
mod same_log;
mod settings;
mod tables;
mod told;
mod turns;
mod writing;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use event_log::EventLog;
use service_kit::auth::Authenticator;
use service_kit::openapi::{Tokens, described};
use store::Store;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub use same_log::while_the_log_is_the_same;
pub use settings::Settings;

use turns::Turns;

#[derive(Clone)]
struct Inbox {
    store: Store,
    log: EventLog,
    settings: Arc<Settings>,
    authenticator: Arc<Authenticator>,
    turns: Arc<Turns>,
}

impl FromRef<Inbox> for Arc<Authenticator> {
    fn from_ref(inbox: &Inbox) -> Self {
        Self::clone(&inbox.authenticator)
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Lastcall inbox",
        description = "A person's notifications, as of a stated position in the log, what they do with them, and what they want to be alerted of."
    ),
    modifiers(&Tokens)
)]
struct Api;

/// The routes below `/v1`, with their description at `/v1/openapi.json`.
pub fn router(store: Store, log: EventLog, settings: Settings, authenticator: Arc<Authenticator>) -> Router {
    described(routes(store, log, settings, authenticator))
}

/// The routes below `/v1`, and their description, to be merged with others.
pub fn routes(
    store: Store,
    log: EventLog,
    settings: Settings,
    authenticator: Arc<Authenticator>,
) -> OpenApiRouter {
    OpenApiRouter::with_openapi(Api::openapi())
        .merge(notifications::router())
        .merge(preferences::router())
        .merge(announcements::router())
        .merge(alerts::router())
        .with_state(Inbox {
            store,
            log,
            settings: Arc::new(settings),
            authenticator,
            turns: Arc::default(),
        })
}
