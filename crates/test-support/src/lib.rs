//! What the tests of several crates stand on: real servers of their own, a real browser, and a client of the event stream.

pub mod browser;
pub mod csv_file;
pub mod lastcall;
pub mod nats;
pub mod person;
pub mod ports;
pub mod postgres;
pub mod programs;
pub mod proxy;
pub mod sse;
