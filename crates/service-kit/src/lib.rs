//! The life of a process: how it is configured, who may speak to it, how it says that it is well, and how it ends.
//!
//! - [`settings`]: defaults, file, environment and flags, one over the other.
//! - [`telemetry`]: the log that people and machines read.
//! - [`supervisor`]: tasks with a stated fate, signals, shutdown.
//! - [`health`]: liveness and readiness; [`metrics`]: what is counted; [`admin`]: the port that shows them, and what only
//!   operators may ask of it.
//! - [`http`]: a server that cannot be held open by slow heads and that ends when told.
//! - [`auth`]: who is asking; [`cors`]: from pages of which origins; [`problem`]: how they are refused.
//! - [`openapi`]: what may be asked.

pub mod admin;
pub mod auth;
pub mod cors;
pub mod health;
pub mod http;
pub mod metrics;
pub mod openapi;
pub mod problem;
mod readings;
pub mod secret;
pub mod settings;
pub mod supervisor;
pub mod telemetry;
