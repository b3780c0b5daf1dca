//! The edge: pushes the log to browsers over Server-Sent Events and replays from it what a browser missed.
//!
//! It knows nothing of the database and nothing of the kinds of events: stored bytes are passed on. One follower of the
//! log, the tail, fills a window with everybody's recent events; each stream is a position that reads on in the window
//! whenever there is news for it, or in the log when it fell behind. Nodes keep no state that matters: a client may go on
//! at any other with the id that it heard last.

mod backlog;
mod batch;
mod block;
mod body;
mod bounds;
mod client_address;
mod denied;
mod edge;
mod frame;
mod metrics;
mod openapi;
mod opening;
mod poll;
mod quiet;
mod registry;
mod request;
mod retry;
mod routes;
mod settings;
mod socket;
mod stream;
mod tail;
mod ticket;
mod window;

pub use client_address::{NoNetwork, TrustedProxies};
pub use edge::{Edge, TailError};
pub use routes::{router, routes};
pub use settings::{Settings, SettingsError};
