//! The tables, one change a file, for SQLite and PostgreSQL alike.
//!
//! No table has a foreign key. The shop and the site hand over their rows in whatever order they have them (a coupon
//! before its holder, a pledge before its funding), and a later correction of one row must not be refused for the sake
//! of another. Whoever reads joins outwards and copes with what is missing.
//!
//! How values are kept, so that both engines answer alike:
//!
//! - Ids are text that is compared byte by byte: keyset pages then have one order everywhere.
//! - Instants are UTC with microseconds, the finest that PostgreSQL keeps.
//! - Amounts are integers in minor units beside an ISO 4217 code.

// `async_trait` and a written-out lifetime of the manager do not agree with the trait's own declaration.
#![allow(elided_lifetimes_in_paths)]

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

mod columns;
mod m20261121_000001_users;
mod m20261121_000002_fundings;
mod m20261121_000003_pledges;
mod m20261121_000004_follows;
mod m20261121_000005_coupons;
mod m20261121_000006_alerts;
mod m20261121_000007_job_runs;
mod m20261121_000008_job_attempts;
mod m20261121_000009_notifications;
mod m20261121_000010_announcements;
mod m20261121_000011_set_aside;
mod m20261121_000012_projection_checkpoint;
mod m20261122_000013_job_run_leases;
mod m20261122_000014_jobs;
mod m20261122_000015_job_skips;
mod m20261122_000016_job_failed_rows;
mod m20261122_000017_alerts_of_people;
mod m20261122_000018_coupon_amounts;
mod m20261122_000019_pledge_guard;
mod m20261122_000020_announced_fundings;
mod m20261122_000021_notification_states;
mod m20261122_000022_announcement_words;
mod m20261122_000023_announcement_states;
mod m20261122_000024_preferences;

pub use m20261122_000017_alerts_of_people::ALERTS_LOCK;

/// Brings a database from whatever it is to what this version reads and writes.
#[derive(Debug, Clone, Copy)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_users::Migration),
            Box::new(m20261121_000002_fundings::Migration),
            Box::new(m20261121_000003_pledges::Migration),
            Box::new(m20261121_000004_follows::Migration),
            Box::new(m20261121_000005_coupons::Migration),
            Box::new(m20261121_000006_alerts::Migration),
            Box::new(m20261121_000007_job_runs::Migration),
            Box::new(m20261121_000008_job_attempts::Migration),
            Box::new(m20261121_000009_notifications::Migration),
            Box::new(m20261121_000010_announcements::Migration),
            Box::new(m20261121_000011_set_aside::Migration),
            Box::new(m20261121_000012_projection_checkpoint::Migration),
            Box::new(m20261122_000013_job_run_leases::Migration),
            Box::new(m20261122_000014_jobs::Migration),
            Box::new(m20261122_000015_job_skips::Migration),
            Box::new(m20261122_000016_job_failed_rows::Migration),
            Box::new(m20261122_000017_alerts_of_people::Migration),
            Box::new(m20261122_000018_coupon_amounts::Migration),
            Box::new(m20261122_000019_pledge_guard::Migration),
            Box::new(m20261122_000020_announced_fundings::Migration),
            Box::new(m20261122_000021_notification_states::Migration),
            Box::new(m20261122_000022_announcement_words::Migration),
            Box::new(m20261122_000023_announcement_states::Migration),
            Box::new(m20261122_000024_preferences::Migration),
        ]
    }
}
