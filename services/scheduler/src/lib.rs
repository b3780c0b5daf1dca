//! Finds what is about to end and appends an event for each person concerned.
//!
//! - [`Job`]: what the jobs are called; `jobs` holds one file for each.
//! - [`Engine`]: runs one job for one scheduled instant, page by page, from wherever an earlier attempt stopped.
//! - [`Scheduler`]: watches the clock, accounts for every instant that a job is scheduled for and hands the engine its runs.
//!
//! A run works with the instant it was scheduled for, never with the time of day it happens to run at, so that a late or
//! repeated attempt computes the same events; the log then keeps each of them once.

pub mod admin;
mod attempt;
mod clock;
mod dry_run;
mod engine;
mod jobs;
mod metrics;
mod owner;
mod pages;
mod payloads;
mod reader;
mod run;
mod settings;

pub use clock::{Scheduler, SchedulerError};
pub use dry_run::{DryRun, FailingRow, Sample};
pub use engine::{Engine, JobPlan};
pub use jobs::{Job, UnknownJob};
pub use metrics::Metrics;
pub use run::{Progress, RunError};
pub use settings::{
    AlertDue, CouponExpiring, FundingClosing, FundingSettlement, JobSchedule, Settings, SettingsError,
};
pub use store::job_runs::Counts;
