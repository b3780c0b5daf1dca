//! What the tests of several crates stand on: real servers of their own, a real browser, and a client of the event stream.

pub mod browser;
pub mod crowd;
pub mod csv_file;
pub mod history;
pub mod lastcall;
pub mod link;
pub mod nats;
pub mod nats_cluster;
pub mod person;
pub mod ports;
pub mod postgres;
pub mod programs;
pub mod proxy;
pub mod random;
pub mod sse;
pub mod stored_log;
