//! Finds what is about to end and appends an event for each person concerned.
//!
//! - [`Job`]: what the jobs are called; `jobs` holds one file for each.
//! - [`Engine`]: runs one job for one scheduled instant, chunk by chunk, from wherever an earlier attempt stopped.
//! - [`Scheduler`]: watches the clock and hands the engine every instant that a job is scheduled for.
//!
//! A run works with the instant it was scheduled for, never with the time of day it happens to run at, so that a late or
//! repeated attempt computes the same events; the log then keeps each of them once.

mod clock;
mod engine;
mod jobs;
mod run;
mod settings;

pub use clock::{Scheduler, SchedulerError};
pub use engine::Engine;
pub use jobs::{Job, UnknownJob};
pub use run::{Counts, RunError};
pub use settings::{AlertDue, CouponExpiring, FundingClosing, FundingSettlement, Settings, SettingsError};
