use std::fmt;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use clap::ValueEnum;
use domain::money::Currency;
use indicatif::ProgressBar;

use super::{Defaults, Request};

const TEACHING: &str = "\
Columns (those in brackets may be missing):
  users     id [locale] [time_zone] [email] [phone]
  fundings  id title goal [raised] [currency] closes_at [status] [maker_id]
  pledges   funding_id user_id amount
  follows   funding_id user_id
  coupons   id user_id [funding_id] expires_on [status] [amount] [currency]
  alerts    id user_id title [content] at [weekdays] [time_zone]

Values:
  amounts           decimals in major units, such as 1250.50; a pledge is in the currency of its funding, which must be
                    known by then; once Lastcall has settled the funding, its pledges stay as they are
  expires_on,       2026-12-31T18:00:00+09:00, or 2026-12-31 18:00[:30] on the clock of --time-zone, or 2026-12-31 for the
  closes_at         end of that day there
  status            fundings: open, succeeded, failed, cancelled; coupons: active, used, revoked
  locale, time_zone ko-KR, Asia/Seoul
  at, weekdays      09:30 on the clock of the alert's time_zone, else its owner's; mon-fri or mon,wed,fri or daily
  content           what an alert is for, as your site refers to it: an id or a path

An empty value is a missing one. What a row does not say stays as it is, and a new row takes the default (open, active,
daily). Importing a file again changes nothing. Other columns are ignored and named at the end.

A bad row is left out and goes to the rejects file with its line, column and reason; all others are taken.

Examples:
  lastcall import coupons coupons.csv --time-zone Asia/Seoul
  lastcall import fundings projects.csv --map id=ID --map title=name --map raised=pledged --map closes_at=deadline
  zcat users.ndjson.gz | lastcall import users - --json

Exit codes: 0 every row was taken, 1 the import could not be done, 2 wrong usage, 3 done, but some rows were rejected.";

#[derive(Debug, clap::Args)]
#[command(after_help = TEACHING)]
pub(crate) struct Args {
    /// What the rows are.
    kind: Kind,

    /// CSV with a header line, or NDJSON (one object a line); - for standard input.
    file: PathBuf,

    /// What the file calls a column of ours; may be given several times.
    #[arg(long, value_name = "COLUMN=HEADER", value_parser = column_and_header)]
    map: Vec<(String, String)>,

    /// The clock of dates and times that have no offset; scheduler.zone unless given.
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<Tz>,

    /// The currency of fundings and coupons that name none.
    #[arg(long, value_name = "CODE", default_value = "USD")]
    currency: Currency,

    /// How the file is written: by its extension unless given, else by its first byte.
    #[arg(long)]
    format: Option<Format>,

    /// Where rejected rows go, as CSV: FILE.rejects.csv unless given, for standard input import.rejects.csv. Written only
    /// if there are any.
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,

    /// End with one line of JSON: accepted, rejected, ignored_headers, rejects_file.
    #[arg(long)]
    pub(super) json: bool,
}

/// What the rows of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Users,
    Fundings,
    Pledges,
    Follows,
    Coupons,
    Alerts,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// RFC 4180 with a header line.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

impl Args {
    pub(super) fn into_request(self, time_zone: Tz) -> Request {
        Request {
            kind: self.kind,
            format: self.format,
            map: self.map,
            defaults: Defaults {
                time_zone: self.time_zone.unwrap_or(time_zone),
                currency: self.currency,
            },
            rejects: self.rejects.unwrap_or_else(|| rejects_beside(&self.file)),
            // Draws on standard error, and only where that is a terminal.
            progress: ProgressBar::new_spinner(),
            file: self.file,
        }
    }
}

/// `FILE.rejects.csv`; for standard input, `import.rejects.csv` in the folder one is in.
pub(super) fn rejects_beside(file: &Path) -> PathBuf {
    let mut name = match file.as_os_str() {
        stdin if stdin == "-" => "import".into(),
        file => file.to_owned(),
    };
    name.push(".rejects.csv");
    name.into()
}

fn column_and_header(text: &str) -> Result<(String, String), String> {
    let (column, header) = text
        .split_once('=')
        .ok_or("write it as COLUMN=HEADER, such as title=name")?;
    Ok((column.to_owned(), header.to_owned()))
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Users => "users",
            Self::Fundings => "fundings",
            Self::Pledges => "pledges",
            Self::Follows => "follows",
            Self::Coupons => "coupons",
            Self::Alerts => "alerts",
        })
    }
}
