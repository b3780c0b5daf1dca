//! Operators see and steer the jobs, on the command line and over HTTP, and both show the same.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

mod operator;

mod dry_run;
mod history;
mod measured;
mod ownership;
mod refusals;
mod runs;
mod steering;

use std::path::Path;

use chrono::{Days, Utc};
use tempfile::TempDir;
use test_support::csv_file;
use test_support::lastcall::{CLOCK_OFF, Dev, Lastcall};

use operator::Operator;

fn lastcall() -> Lastcall {
    Lastcall::new(env!("CARGO_BIN_EXE_lastcall")).with(CLOCK_OFF)
}

/// A running `dev` in which no job is run by the clock, and whoever operates it.
async fn dev(lastcall: &Lastcall, folder: &TempDir) -> (Dev, Operator) {
    let dev = Dev::start(lastcall, folder.path(), &["--seed=none", "--http=127.0.0.1:0"]).await;
    let operator = Operator::new(dev.endpoint("admin"), dev.endpoint("admin_token"));
    (dev, operator)
}

/// Imports coupons that expire tomorrow, each another person's.
async fn import_coupons(lastcall: &Lastcall, folder: &Path, count: usize) {
    let tomorrow = (Utc::now().date_naive() + Days::new(1)).to_string();
    let rows = (0..count).map(|i| vec![format!("c{i}"), format!("u{i}"), tomorrow.clone()]);
    let file = folder.join("coupons.csv");
    csv_file::write(&file, &["id", "user_id", "expires_on"], rows);
    let import = ["import", "coupons", file.to_str().unwrap(), "--json"];
    assert_eq!(lastcall.json(import).await["accepted"], count);
}
