//! The edge: pushes the log to browsers over Server-Sent Events and replays from it what a browser missed.
//!
//! It knows nothing of the database and nothing of the kinds of events: stored bytes are passed on. One follower of the
//! log, the tail, fills a window with everybody's recent events; each stream is a position that reads on in the window
//! whenever there is news for it, or in the log when it fell behind. Nodes keep no state that matters: a client may go on
//! at any other with the id that it heard last.

mod backlog;
mod bounds;
mod edge;
mod frame;
mod opening;
mod registry;
mod request;
mod retry;
mod routes;
mod settings;
mod stream;
mod tail;
mod window;

pub use edge::{Edge, TailError};
pub use routes::router;
pub use settings::{Settings, SettingsError};
