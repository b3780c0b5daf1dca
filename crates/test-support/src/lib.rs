//! What the tests of several crates stand on: real servers of their own, and a client of the event stream.

pub mod nats;
pub mod postgres;
pub mod sse;
