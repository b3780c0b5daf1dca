//! `lastcall projector`: the service that builds the notification tables, and building them anew.

mod args;
mod progress;
mod summary;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use ::projector::rebuild::{self, LogOfTables, Plan, Then};
use anyhow::Context as _;
use chrono::{DateTime, Utc};

pub(crate) use args::Projector;
use args::{Command, Rebuild};
use progress::Progress;
use summary::{Past, Summary};

use crate::output::say;
use crate::settings::Settings;
use crate::{Done, connect, parts};

/// Does what was asked for.
pub(crate) async fn command(settings: &Settings, Projector { command }: Projector) -> anyhow::Result<Done> {
    match command {
        None => {
            parts::projector(settings).await?;
            Ok(Done::Wholly)
        }
        Some(Command::Rebuild(options)) => match options.until {
            Some(instant) => show(settings, instant, &options).await,
            None => build(settings, &options).await,
        },
    }
}

async fn build(settings: &Settings, options: &Rebuild) -> anyhow::Result<Done> {
    let plan = Plan {
        log: if options.from_new_log {
            LogOfTables::Another
        } else {
            LogOfTables::This
        },
        then: if options.dry_run {
            Then::CompareOnly
        } else {
            Then::Swap
        },
    };
    let (store, log) = (connect::store(settings).await?, connect::log(settings).await?);
    let progress = Progress::start();
    let rebuilt = rebuild::rebuild(&store, &log, plan, &|step| progress.at(step)).await;
    progress.end();
    let summary = Summary::from(rebuilt?);
    if options.json {
        say(serde_json::to_string(&summary)?)?;
    } else {
        say(&summary)?;
    }
    Ok(if options.dry_run && !summary.equal {
        Done::TablesDiffer
    } else {
        Done::Wholly
    })
}

/// The summary goes to standard error: standard output may be the rows.
async fn show(settings: &Settings, until: DateTime<Utc>, options: &Rebuild) -> anyhow::Result<Done> {
    let mut out = output(&options.output)?;
    let (store, log) = (connect::store(settings).await?, connect::log(settings).await?);
    let progress = Progress::start();
    let shown = rebuild::show(&store, &log, until, &mut out, &|step| progress.at(step)).await;
    progress.end();
    let past = Past::new(until, shown?);
    if options.json {
        eprintln!("{}", serde_json::to_string(&past)?);
    } else {
        eprintln!("{past}");
    }
    Ok(Done::Wholly)
}

fn output(file: &Path) -> anyhow::Result<Box<dyn Write + Send>> {
    if file.as_os_str() == "-" {
        return Ok(Box::new(BufWriter::new(io::stdout())));
    }
    let created = File::create(file).with_context(|| format!("cannot write to {}", file.display()))?;
    Ok(Box::new(BufWriter::new(created)))
}
