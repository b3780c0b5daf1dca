//! What the tables promise, on SQLite and on PostgreSQL alike.
//!
//! Every case runs once on each engine, on a database of its own.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

mod alerts;
mod catalogue;
mod connecting;
mod due;
mod engines;
mod inbox;
mod inbox_filters;
mod job_runs;
mod projection;
mod projection_fold;
mod projection_model;
mod projection_upgrade;
mod settlement;
mod settlement_faults;
mod settlement_pledges;
mod settlement_preview;
