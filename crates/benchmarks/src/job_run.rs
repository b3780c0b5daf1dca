//! Running a job as an operator does, as a process of its own, and what that took.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;

use crate::machine;

/// Between two looks at the process. Its last moments are not seen.
const POLL: Duration = Duration::from_millis(10);

/// The processes that a run needs.
#[derive(Debug, Clone, Copy)]
pub struct Servers<'a> {
    /// The binary that is measured.
    pub lastcall: &'a Path,
    /// Its database.
    pub database: &'a str,
    /// Its nats-server.
    pub nats: &'a str,
}

/// A run that has succeeded.
#[derive(Debug, Clone, Copy)]
pub struct Ran {
    /// What it says itself.
    pub counts: Counts,
    /// From the start of the process to its end.
    pub took: Duration,
    /// The most memory that it had resident, in bytes.
    pub peak_memory: u64,
    /// The time that it has worked.
    pub worked: Duration,
}

/// What a run has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Counts {
    /// Rows.
    pub read: u64,
    /// Events that it stored.
    pub emitted: u64,
    /// Events that were there.
    pub already_emitted: u64,
    /// Rows left out.
    pub skipped: u64,
}

impl Servers<'_> {
    /// Brings the tables up to date.
    pub fn migrate(&self) -> anyhow::Result<()> {
        let status = self.command().arg("migrate").stdout(Stdio::null()).status()?;
        ensure!(status.success(), "`lastcall migrate` ended with {status}");
        Ok(())
    }

    /// Runs `coupon-expiring` for an instant.
    pub async fn coupon_expiring(&self, at: DateTime<Utc>) -> anyhow::Result<Ran> {
        let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let began = Instant::now();
        let mut process = self
            .command()
            .args(["jobs", "run", "coupon-expiring", "--json", "--at", &at])
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", self.lastcall.display()))?;
        let (mut peak_memory, mut worked) = (0, Duration::ZERO);
        let status = loop {
            if let Some(status) = process.try_wait()? {
                break status;
            }
            peak_memory = machine::peak_memory(process.id()).unwrap_or(peak_memory);
            worked = machine::worked(process.id()).unwrap_or(worked);
            tokio::time::sleep(POLL).await;
        };
        let took = began.elapsed();
        ensure!(status.success(), "the run ended with {status}");
        let mut said = String::new();
        let mut stdout = process.stdout.take().context("its output is a pipe")?;
        stdout.read_to_string(&mut said)?;
        let counts = said.lines().next_back().unwrap_or_default();
        Ok(Ran {
            counts: serde_json::from_str(counts)
                .with_context(|| format!("reading the counts in {said:?}"))?,
            took,
            peak_memory,
            worked,
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.lastcall);
        // What is set for the one who measures is no part of it.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("LASTCALL_") {
                command.env_remove(name);
            }
        }
        command
            .args(["--database", self.database, "--nats", self.nats])
            .stdin(Stdio::null());
        command
    }
}
