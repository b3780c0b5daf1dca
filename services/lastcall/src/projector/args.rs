use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

const TEACHING: &str = "\
The log is read from its beginning into new tables beside the ones in use, while
the projector and the inbox go on. Then both are compared at one position of the
log, and the new ones take the place of the old ones in one transaction. Killed
at any moment, the tables in use are whole; what is left behind goes with the
next rebuild. There can be one at a time.

What the log no longer holds is taken over from the tables in use. The log is
kept in temporary files meanwhile (in TMPDIR), and the database needs room for
the tables once more.

Examples:
  lastcall projector rebuild --dry-run          do the tables agree with the log?
  lastcall projector rebuild                    mend them
  lastcall projector rebuild --from-new-log     the log was replaced, or lost its end
  lastcall projector rebuild --until 2026-11-21T18:00:00+09:00 --output then.ndjson

Exit codes: 0 done (with --dry-run: the tables agree), 1 failed, 2 wrong usage,
3 with --dry-run: the tables differ.";

/// The service, or what is done to its tables.
#[derive(Debug, Args)]
pub(crate) struct Projector {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build the notification tables anew from the log, beside live traffic.
    Rebuild(Rebuild),
}

#[derive(Debug, Args)]
#[command(after_help = TEACHING)]
pub(crate) struct Rebuild {
    /// Compare the new tables with the ones in use, and drop them.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// The log is another one than the tables in use are from, or lost its end: give up what they hold.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) from_new_log: bool,

    /// Show the tables as they were at this instant (RFC 3339), as NDJSON, and change nothing. Rows that are older than
    /// the log are missing.
    #[arg(long, value_name = "INSTANT", conflicts_with_all = ["dry_run", "from_new_log"])]
    pub(crate) until: Option<DateTime<Utc>>,

    /// Where the rows of --until go; - for standard output.
    #[arg(long, value_name = "FILE", default_value = "-", requires = "until")]
    pub(crate) output: PathBuf,

    /// End with one line of JSON. With --until it goes to standard error.
    #[arg(long)]
    pub(crate) json: bool,
}
