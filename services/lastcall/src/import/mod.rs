//! `lastcall import`: rows of the shop and the site, from a CSV or NDJSON file of any length.
//!
//! A thread reads and checks the file, row by row ([`source`], [`csv`], [`ndjson`], [`records`]), and hands over chunks
//! through a short queue; [`load`] writes each chunk in one transaction. Memory therefore does not depend on the file.
//! Whatever is wrong with a row costs that row only: it goes to the rejects file with its line, column and reason.
//!
//! Rows are found by their key and brought up to date, so importing a file again, or the rest of one that was cut off,
//! changes nothing that is there already.

mod args;
mod columns;
mod csv;
mod fields;
mod lines;
mod load;
mod ndjson;
mod records;
mod reject;
mod source;
mod summary;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use chrono_tz::Tz;
use domain::catalogue::{Alert, Coupon, Follow, Funding, User};
use domain::money::Currency;
use indicatif::ProgressBar;
use store::Store;

pub(crate) use args::{Args, Format, Kind};
pub(crate) use summary::Summary;

use crate::output::say;
use crate::settings::Settings;
use crate::{Done, connect};
use records::PledgeLine;

/// What to import, and how to read it.
pub(crate) struct Request {
    pub(crate) kind: Kind,
    /// `-` is standard input.
    pub(crate) file: PathBuf,
    /// By the file's name unless given, else by its first byte.
    pub(crate) format: Option<Format>,
    /// Columns of ours, each with the header it has in the file.
    pub(crate) map: Vec<(String, String)>,
    /// What the file's reader fills in.
    pub(crate) defaults: Defaults,
    /// Where rejected rows go; made with the first one.
    pub(crate) rejects: PathBuf,
    /// Shows how far it is.
    pub(crate) progress: ProgressBar,
}

/// What a file may leave to whoever imports it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaults {
    /// The clock of dates and times without an offset.
    pub(crate) time_zone: Tz,
    /// The currency of amounts without one.
    pub(crate) currency: Currency,
}

/// Runs the command.
pub(crate) async fn command(settings: &Settings, args: Args) -> anyhow::Result<Done> {
    let json = args.json;
    let request = args.into_request(settings.scheduler.zone);
    let store = connect::store(settings).await?;
    let summary = run(&store, request).await?;
    if json {
        say(serde_json::to_string(&summary)?)?;
    } else {
        say(&summary)?;
    }
    Ok(if summary.rejected > 0 {
        Done::SomeLeftOut
    } else {
        Done::Wholly
    })
}

/// Imports a file.
///
/// # Errors
///
/// When the file cannot be read at all (no such file, a required header missing) or the database fails. Rows before that
/// are written, and importing the file again goes over them without harm.
pub(crate) async fn run(store: &Store, request: Request) -> anyhow::Result<Summary> {
    match request.kind {
        Kind::Users => load::load::<User>(store, request).await,
        Kind::Fundings => load::load::<Funding>(store, request).await,
        Kind::Pledges => load::load::<PledgeLine>(store, request).await,
        Kind::Follows => load::load::<Follow>(store, request).await,
        Kind::Coupons => load::load::<Coupon>(store, request).await,
        Kind::Alerts => load::load::<Alert>(store, request).await,
    }
}
