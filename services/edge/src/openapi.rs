//! The description of the edge's API.

use service_kit::openapi::Tokens;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::{Modify, OpenApi};

/// A stream with an event and a heartbeat.
pub(crate) const STREAM: &str = concat!(
    "retry: 3187\nid: k3v9x2ma.1024\n\n",
    "data: {\"specversion\":\"1.0\",\"id\":\"…\",\"type\":\"lastcall.coupon.expiring.v1\",…}\nid: k3v9x2ma.1027\n\n",
    ": heartbeat\nid: k3v9x2ma.1031\n\n",
);

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Lastcall edge",
        description = "What people are told, as it happens; and what they missed. docs/CLIENTS.md is for authors of clients."
    ),
    modifiers(&Tokens, &Ticket)
)]
pub(crate) struct Api;

struct Ticket;

impl Modify for Ticket {
    fn modify(&self, api: &mut Document) {
        let ticket =
            ApiKeyValue::with_description("ticket", "Opens one stream. POST /v1/stream/ticket makes one.");
        let components = api.components.get_or_insert_default();
        components.add_security_scheme("ticket", SecurityScheme::ApiKey(ApiKey::Query(ticket)));
    }
}
