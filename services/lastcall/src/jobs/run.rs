use std::sync::Once;

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, Utc};
use indicatif::{ProgressBar, ProgressStyle};
use scheduler::{Engine, Job, Metrics, Progress, RunError};

use super::args::Run;
use super::{instants, words, zone};
use crate::output::say;
use crate::settings::Settings;
use crate::{Done, connect, parts};

pub(super) async fn command(settings: &Settings, options: Run) -> anyhow::Result<Done> {
    let (engine, scheduled_at) = prepare(settings, &options).await?;
    let job = options.job;
    let display = Display::new(job);
    let run = engine
        .run(job, scheduled_at, |progress| display.show(progress))
        .await;
    display.bar.finish_and_clear();
    let counts = run.map_err(|error| not_done(error, job, scheduled_at))?;
    if options.json {
        say(serde_json::to_string(&counts)?)?;
    } else {
        say(words::counts(counts, None))?;
    }
    Ok(if counts.skipped > 0 {
        Done::SomeLeftOut
    } else {
        Done::Wholly
    })
}

/// An engine, and the instant to run for.
pub(super) async fn prepare(settings: &Settings, options: &Run) -> anyhow::Result<(Engine, DateTime<Utc>)> {
    let zone = zone(&settings.scheduler.plans()?, options.job)?;
    let scheduled_at = match &options.at {
        Some(text) => instants::parse(text, zone).with_context(|| format!("--at {text:?}"))?,
        None => Utc::now(),
    };
    let (store, log) = (connect::store(settings).await?, connect::log(settings).await?);
    let engine = parts::engine(settings, store, log, Metrics::default())?;
    Ok((engine, scheduled_at))
}

fn not_done(error: RunError, job: Job, scheduled_at: DateTime<Utc>) -> anyhow::Error {
    let at = scheduled_at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let what = match &error {
        RunError::Owned { .. } => format!("{job} for {at} was not begun"),
        _ => format!("{job} for {at} is not done; the same command with --at {at} goes on where it stopped"),
    };
    anyhow::Error::new(error).context(what)
}

/// On standard error, and only where somebody looks.
struct Display {
    bar: ProgressBar,
    begun: Once,
}

const COUNTED: &str = "{spinner} {prefix} {bar:30} {pos} of about {len} rows, {per_sec}, {eta} left, {msg}";
const UNCOUNTED: &str = "{spinner} {prefix} {pos} rows, {per_sec}, {msg}";

impl Display {
    fn new(job: Job) -> Self {
        let bar = ProgressBar::no_length().with_prefix(job.as_str());
        let display = Self {
            bar,
            begun: Once::new(),
        };
        display.style(UNCOUNTED);
        display
    }

    fn style(&self, template: &str) {
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
    }

    fn show(&self, Progress { counts, total }: Progress) {
        if let Some(total) = total.filter(|_| self.bar.length().is_none()) {
            self.bar.set_length(total);
            self.style(COUNTED);
        }
        self.bar.set_position(counts.read);
        // What earlier attempts have read says nothing about how fast this one is.
        self.begun.call_once(|| self.bar.reset_eta());
        self.bar.set_message(format!(
            "{} emitted, {} already emitted",
            counts.emitted, counts.already_emitted
        ));
    }
}
