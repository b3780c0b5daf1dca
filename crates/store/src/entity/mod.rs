//! The tables as SeaORM sees them. They never leave this crate: what it takes and returns are plain structs.
//!
//! The tables themselves are made by the `migrations` crate, with the reasons for each column.

// The derives write `pub` items without docs into these private modules.
#![allow(unreachable_pub, missing_docs)]

pub(crate) mod alert;
pub(crate) mod announcement;
pub(crate) mod announcement_state;
pub(crate) mod coupon;
pub(crate) mod follow;
pub(crate) mod funding;
pub(crate) mod job;
pub(crate) mod job_attempt;
pub(crate) mod job_failed_row;
pub(crate) mod job_run;
pub(crate) mod job_skip;
pub(crate) mod notification;
pub(crate) mod pledge;
pub(crate) mod preferences;
pub(crate) mod projection_checkpoint;
pub(crate) mod set_aside;
pub(crate) mod user;
