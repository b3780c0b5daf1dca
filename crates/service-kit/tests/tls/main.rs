//! Encrypted connections, with certificates that are made here.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

mod authority;
mod client;
mod handshakes;
mod refused_settings;
mod rotation;
mod server;
