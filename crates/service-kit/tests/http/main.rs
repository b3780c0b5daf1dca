//! What clients may take their time for, and what they may send, on real connections.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

mod fuzz;
mod limits;
mod server;
mod versions;
