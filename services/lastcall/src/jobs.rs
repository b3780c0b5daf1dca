//! `lastcall jobs`.

use anyhow::Context as _;
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use chrono_tz::Tz;
use domain::due::first_instant_at;
use indicatif::{ProgressBar, ProgressStyle};
use scheduler::{Counts, Job};

use crate::cli::RunJob;
use crate::output::say;
use crate::settings::Settings;
use crate::{Done, connect, parts};

/// How many instants to come are shown.
const INSTANTS_SHOWN: usize = 3;

/// Shows the jobs.
pub(crate) fn list(settings: &Settings) -> anyhow::Result<()> {
    let zone = settings.scheduler.zone;
    for (job, schedule) in settings.scheduler.schedules()? {
        say(format_args!("{job}  {schedule}"))?;
        let instants = std::iter::successors(schedule.next_after(Utc::now()), |i| schedule.next_after(*i));
        for instant in instants.take(INSTANTS_SHOWN) {
            let local = instant
                .with_timezone(&zone)
                .to_rfc3339_opts(SecondsFormat::Secs, true);
            say(format_args!("  {local}"))?;
        }
    }
    Ok(())
}

/// Runs one job.
pub(crate) async fn run(settings: &Settings, options: RunJob) -> anyhow::Result<Done> {
    let scheduled_at = match &options.at {
        Some(text) => parse_instant(text, settings.scheduler.zone)?,
        None => Utc::now(),
    };
    let (store, log) = (connect::store(settings).await?, connect::log(settings).await?);
    let engine = parts::engine(settings, store, log)?;

    let bar = progress_bar(options.job);
    let counts = engine
        .run(options.job, scheduled_at, |counts| show(&bar, counts))
        .await;
    bar.finish_and_clear();
    let counts = counts.with_context(|| {
        let at = scheduled_at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        format!(
            "{} for {at} is not done; the same command with --at {at} goes on where it stopped",
            options.job
        )
    })?;

    if options.json {
        say(serde_json::to_string(&counts)?)?;
    } else {
        let Counts {
            read,
            emitted,
            already_emitted,
            skipped,
        } = counts;
        say(format_args!(
            "{read} rows read: {emitted} events emitted, {already_emitted} already emitted, {skipped} rows skipped"
        ))?;
    }
    Ok(if counts.skipped > 0 {
        Done::SomeLeftOut
    } else {
        Done::Wholly
    })
}

/// On standard error, and only where somebody looks.
fn progress_bar(job: Job) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {prefix} {pos} rows, {per_sec}, {msg}");
    let bar = ProgressBar::new_spinner().with_prefix(job.as_str());
    style.map_or(bar.clone(), |style| bar.with_style(style))
}

fn show(bar: &ProgressBar, counts: Counts) {
    bar.set_position(counts.read);
    bar.set_message(format!(
        "{} emitted, {} already emitted",
        counts.emitted, counts.already_emitted
    ));
}

fn parse_instant(text: &str, zone: Tz) -> anyhow::Result<DateTime<Utc>> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(first_instant_at(date.and_time(chrono::NaiveTime::MIN), zone));
    }
    let instant = DateTime::parse_from_rfc3339(text);
    let instant = instant.with_context(|| {
        format!("--at {text:?} is neither an instant such as 2026-11-21T09:00:00Z nor a date")
    })?;
    Ok(instant.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_given_exactly_or_as_a_date_of_the_zone() {
        let seoul = chrono_tz::Asia::Seoul;
        let parsed =
            |text| parse_instant(text, seoul).map(|i| i.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        assert_eq!(
            parsed("2026-11-21T09:00:00+09:00").unwrap(),
            "2026-11-21T00:00:00Z"
        );
        assert_eq!(parsed("2018-02-01").unwrap(), "2018-01-31T15:00:00Z");
        assert!(
            parsed("yesterday")
                .unwrap_err()
                .to_string()
                .contains("\"yesterday\"")
        );
    }
}
