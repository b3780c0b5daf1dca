//! The tables as a port: catalogue, job runs, notifications and checkpoint, on SQLite or PostgreSQL alike.
//!
//! - [`Store::connect`] opens a database, [`Store::migrate`] brings its tables up to date.
//! - The catalogue: `upsert_users` and its siblings take what the shop and the site hand over.
//! - [`alerts`]: those that people set, as their owners see and change them.
//! - [`due`]: which rows a run is about, page by page, joined with the people they concern.
//! - [`settlement`]: what becomes of a funding at its deadline, decided once.
//! - [`job_runs`]: which job ran for which instant, how far it came and how often it was tried.
//! - [`projection`]: notifications and checkpoint, written in one transaction.
//! - [`rebuild`]: the same, built anew beside the live ones and put in their place.
//! - [`inbox`]: what a person sees of them.
//!
//! Every write is one transaction that holds its lock from the first statement on: SQLite refuses a transaction that
//! has read and wants to write after somebody else wrote, and would do so at random moments. Pages go by keyset, never
//! by offset. Instants are kept to the microsecond.
//!
//! This crate alone names SeaORM (with `migrations`); its entities stay inside.

pub mod alerts;
mod catalogue;
mod connect;
pub mod counting;
pub mod due;
mod entity;
mod error;
mod file_lock;
pub mod inbox;
mod instant;
pub mod job_runs;
mod money;
pub mod projection;
pub mod rebuild;
pub mod settlement;
mod transaction;

pub use connect::{Settings, Store};
pub use error::StoreError;
