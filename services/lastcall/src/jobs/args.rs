use clap::{Args, Subcommand};
use scheduler::Job;

/// Every example is one that works.
const RUN_EXAMPLES: &str = "\
Examples:
  lastcall jobs run coupon-expiring                     now
  lastcall jobs run coupon-expiring --at 2026-11-21     as if it were that day
  lastcall jobs run funding-closing --dry-run           only look

A run is a job and the instant it is for, and exists once. Running it again
goes on where it stopped; where it succeeded, it is done again, and events that
the log has are counted as already emitted. A run that failed because of its
rows goes on from the first page that had one.

Exit codes: 0 done, 1 failed or owned by somebody else, 3 done but for some rows.";

const HISTORY_NOTE: &str = "\
Every scheduled instant since the job was first seen is in one line: it had a
run, or was skipped for the reason that is given. Instants in a row that were
skipped for one reason are one line, as FIRST to LAST.";

#[derive(Debug, Subcommand)]
pub(crate) enum Jobs {
    /// Show every job: when it runs, whether it is paused, how it went last.
    List(List),
    /// Run a job now or for a given instant. Events that are in the log already are not emitted again.
    Run(Run),
    /// Show what became of a job's scheduled instants, the latest first.
    History(History),
    /// Show one run: its attempts, how far it has come, and the rows that it left out.
    Show(Show),
    /// Keep a job from beginning runs by itself. A run that has begun goes on.
    Pause {
        #[arg(help = JOB)]
        job: Job,
    },
    /// Let a job begin runs again. What becomes of the instants it missed is up to its misfire policy.
    Resume {
        #[arg(help = JOB)]
        job: Job,
    },
}

const JOB: &str = "coupon-expiring, funding-closing, funding-settlement or alert-due";

#[derive(Debug, Args)]
pub(crate) struct List {
    /// One line of JSON for each job.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = RUN_EXAMPLES)]
pub(crate) struct Run {
    #[arg(help = JOB)]
    pub(crate) job: Job,

    /// Run as if it were this instant: RFC 3339, or a date for its first instant in the job's zone. Now unless given.
    #[arg(long, value_name = "INSTANT")]
    pub(crate) at: Option<String>,

    /// Emit nothing and change nothing: show what a run would do, with samples of its events.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// How many events a dry run shows.
    #[arg(long, value_name = "N", default_value_t = 3, requires = "dry_run")]
    pub(crate) samples: usize,

    /// End with one line of JSON: read, emitted, already_emitted, skipped; of a dry run, what it found.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = HISTORY_NOTE)]
pub(crate) struct History {
    #[arg(help = JOB)]
    pub(crate) job: Job,

    /// How many lines.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: u64,

    /// Only instants before this one: RFC 3339, or a date for its first instant in the job's zone.
    #[arg(long, value_name = "INSTANT")]
    pub(crate) before: Option<String>,

    /// One line of JSON for each run and each range of skipped instants.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    #[arg(help = JOB)]
    pub(crate) job: Job,

    /// The instant that the run is for, as `jobs history` shows it.
    #[arg(value_name = "INSTANT")]
    pub(crate) at: String,

    /// How many of the rows that it left out are shown.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(0..=1_000_000))]
    pub(crate) rows: u64,

    /// One line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
