//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use proto_schemas::UserId;
use service_kit::telemetry::Lifetime;

use crate::import;
use crate::jobs::Jobs;
use crate::projector::Projector;

const EXAMPLES: &str = "\
Try it:
  lastcall dev
  lastcall import coupons coupons.csv --endpoints .lastcall/endpoints.json
  lastcall jobs run coupon-expiring --endpoints .lastcall/endpoints.json

In production each part is its own deployment, on PostgreSQL and NATS:
  lastcall migrate
  lastcall scheduler      and likewise projector, inbox and edge

Settings come from flags, then the environment (LASTCALL_<SECTION>_<KEY>,
such as LASTCALL_NATS_URL), then the file given with --config, then the
defaults that `lastcall settings` prints.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but for some rows.";

/// Tells people about things that are about to end, and never loses a notification.
#[derive(Debug, Parser)]
#[command(name = "lastcall", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// What every command understands.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct Common {
    /// A TOML file with settings.
    #[arg(long, global = true, env = "LASTCALL_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Use the servers of a running `lastcall dev`, by the endpoints.json in its data folder.
    #[arg(long, global = true, env = "LASTCALL_ENDPOINTS", value_name = "FILE")]
    pub(crate) endpoints: Option<PathBuf>,

    /// The nats-server: nats.url.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) nats: Option<String>,

    /// The database: database.url, as sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) database: Option<String>,

    /// Any other setting; may be given several times.
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) set: Vec<(String, String)>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything in one process on SQLite, with a nats-server of its own and a page to look at.
    Dev(Dev),
    /// Fire the jobs at their times.
    Scheduler,
    /// Build the notification tables from the log; `projector rebuild` builds them anew.
    Projector(Projector),
    /// Serve people's notifications over HTTP.
    Inbox(Listen),
    /// Push the log to browsers over Server-Sent Events.
    Edge(Listen),
    /// Bring the tables of the database up to date.
    Migrate,
    /// Take users, fundings, pledges, follows, coupons or alerts from a CSV or NDJSON file.
    Import(import::Args),
    /// Look at the jobs, run one, pause one.
    #[command(subcommand)]
    Jobs(Jobs),
    /// Make a token for a user, signed with auth.hs256_key: for development and tests.
    Token(Token),
    /// Print every setting with its meaning and default.
    Settings,
}

impl Common {
    /// Everything but where servers are.
    pub(crate) fn without_servers(&self) -> Self {
        Self {
            endpoints: None,
            nats: None,
            database: None,
            ..self.clone()
        }
    }
}

impl Command {
    /// Whether it goes on until it is told to end.
    pub(crate) fn lifetime(&self) -> Lifetime {
        match self {
            Self::Projector(Projector { command: Some(_) }) => Lifetime::Command,
            Self::Dev(_) | Self::Scheduler | Self::Projector(_) | Self::Inbox(_) | Self::Edge(_) => {
                Lifetime::Service
            }
            Self::Migrate | Self::Import(_) | Self::Jobs(_) | Self::Token(_) | Self::Settings => {
                Lifetime::Command
            }
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Dev {
    /// Where everything is kept. Deleting the folder starts anew.
    #[arg(long, value_name = "DIR", default_value = ".lastcall")]
    pub(crate) data: PathBuf,

    /// Where the page, the inbox and the stream answer; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    pub(crate) http: Option<String>,

    /// What an empty database is filled with.
    #[arg(long, value_enum, default_value_t = Seed::Demo)]
    pub(crate) seed: Seed,

    /// How long signing in on the page is good for.
    #[arg(long, value_name = "DURATION", default_value = "1day", value_parser = humantime::parse_duration)]
    pub(crate) session: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Seed {
    /// A few users, fundings and coupons around today.
    Demo,
    /// Nothing.
    None,
}

#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// Where to answer: http.listen. Port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    pub(crate) http: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Token {
    /// The user that the token speaks for.
    #[arg(long, value_name = "ID")]
    pub(crate) user: UserId,

    /// What it allows besides, with spaces between several: announcements:write.
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Option<String>,

    /// How long it is good for.
    #[arg(long, value_name = "DURATION", default_value = "1day", value_parser = humantime::parse_duration)]
    pub(crate) lifetime: Duration,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or("write it as KEY=VALUE, such as edge.heartbeat=10s")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
