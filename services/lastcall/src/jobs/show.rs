use anyhow::{Context as _, bail};
use chrono::Utc;
use chrono_tz::Tz;
use scheduler::admin::{Pace, RunDetail};

use super::args::Show;
use super::{Tables, instants, words};
use crate::output::say;

pub(super) async fn command(tables: &Tables, options: Show) -> anyhow::Result<()> {
    let (job, zone) = (options.job, tables.zone(options.job)?);
    let at = instants::parse(&options.at, zone).with_context(|| format!("{:?}", options.at))?;
    let Some(detail) = tables.administration.run(job, at, None, options.rows).await? else {
        bail!(
            "{job} has no run for {}; `lastcall jobs history {job}` shows those that it has",
            instants::local(at, zone)
        );
    };
    if options.json {
        say(serde_json::to_string(&detail)?)?;
        return Ok(());
    }
    show(&detail, zone)?;
    failed_rows(&detail)
}

fn show(detail: &RunDetail, zone: Tz) -> anyhow::Result<()> {
    let run = &detail.run;
    say(format_args!(
        "{} for {}: {}",
        run.job,
        instants::local(run.scheduled_at, zone),
        run.state
    ))?;
    say(format_args!("  {}", words::times(run)))?;
    say(format_args!("  {}", words::counts(run.counts, run.total)))?;
    if let Some(pace) = &detail.progress {
        say(format_args!("  {}", progress(pace)))?;
    }
    match (&run.owner, run.leased_until) {
        (Some(owner), Some(until)) => {
            let until = instants::local(until, zone);
            say(format_args!(
                "  {owner} is at it and has it at least until {until}"
            ))?;
        }
        (None, Some(until)) => {
            let until = instants::local(until, zone);
            say(format_args!(
                "  nobody is at it; schedulers leave it alone until {until}"
            ))?;
        }
        (_, None) => {}
    }
    if let Some(error) = &run.error {
        say(format_args!("  {error}"))?;
    }
    for attempt in &run.attempts {
        let began = instants::local(attempt.started_at, zone);
        say(format_args!("  {}", words::attempt(attempt, &began)))?;
    }
    Ok(())
}

fn progress(pace: &Pace) -> String {
    let rate = format!("{:.0} rows a second", pace.rows_per_second);
    match pace.estimated_end {
        Some(end) => {
            let left = words::seconds((end - Utc::now()).as_seconds_f64());
            format!("{rate}, about {left} left")
        }
        None => rate,
    }
}

fn failed_rows(detail: &RunDetail) -> anyhow::Result<()> {
    if detail.failed_rows.is_empty() {
        return Ok(());
    }
    say("  rows that were left out:")?;
    for row in &detail.failed_rows {
        say(format_args!("    {}: {}", row.row, row.reason))?;
    }
    if detail.next_rows.is_some() {
        say("    and others: give --rows a larger number")?;
    }
    Ok(())
}
