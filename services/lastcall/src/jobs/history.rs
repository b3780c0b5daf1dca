use anyhow::Context as _;
use chrono_tz::Tz;
use scheduler::admin::{Entry, HistoryPage};

use super::args::History;
use super::{Tables, instants, words};
use crate::output::say;

/// Lines that are read together.
const LINES_A_PAGE: u64 = 500;

pub(super) async fn command(tables: &Tables, options: History) -> anyhow::Result<()> {
    let (job, zone) = (options.job, tables.zone(options.job)?);
    let before = options.before.as_deref();
    let mut before = before
        .map(|text| instants::parse(text, zone).with_context(|| format!("--before {text:?}")))
        .transpose()?;
    let mut left = options.limit;
    while left > 0 {
        let limit = left.min(LINES_A_PAGE);
        let HistoryPage { entries, next } = tables.administration.history(job, before, limit).await?;
        if entries.is_empty() && !options.json {
            say("nothing is recorded there")?;
        }
        left = left.saturating_sub(entries.len() as u64);
        for entry in &entries {
            let line = if options.json {
                serde_json::to_string(entry)?
            } else {
                line(entry, zone)
            };
            say(line)?;
        }
        let Some(next) = next else { return Ok(()) };
        before = Some(next);
    }
    if let (Some(next), false) = (before, options.json) {
        let next = instants::local(next, zone);
        say(format_args!(
            "and earlier: lastcall jobs history {job} --before {next}"
        ))?;
    }
    Ok(())
}

fn line(entry: &Entry, zone: Tz) -> String {
    match entry {
        Entry::Run(run) => {
            let error = run.error.as_ref().map(|error| format!(": {error}"));
            format!(
                "{}  {}  {}, {}{}",
                instants::local(run.scheduled_at, zone),
                run.state,
                words::times(run),
                words::counts(run.counts, None),
                error.unwrap_or_default()
            )
        }
        Entry::Skipped(skipped) => {
            let first = instants::local(skipped.first, zone);
            let last = instants::local(skipped.last, zone);
            let range = if first == last {
                first
            } else {
                format!("{first} to {last}")
            };
            format!("{range}  skipped  {}", skipped.text)
        }
    }
}
