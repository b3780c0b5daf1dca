use anyhow::Context as _;
use scheduler::DryRun;

use super::args::Run;
use super::run::prepare;
use crate::Done;
use crate::output::say;
use crate::settings::Settings;

pub(super) async fn command(settings: &Settings, options: Run) -> anyhow::Result<Done> {
    let (engine, scheduled_at) = prepare(settings, &options).await?;
    let found = engine.dry_run(options.job, scheduled_at, options.samples).await;
    let found = found.with_context(|| format!("cannot tell what {} would do", options.job))?;
    if options.json {
        say(serde_json::to_string(&found)?)?;
    } else {
        show(&found)?;
    }
    Ok(if found.skipped > 0 {
        Done::SomeLeftOut
    } else {
        Done::Wholly
    })
}

fn show(found: &DryRun) -> anyhow::Result<()> {
    let DryRun {
        read,
        events,
        already_emitted,
        skipped,
        bad_rows,
        samples,
    } = found;
    say(format_args!(
        "dry run: {read} rows read that call for {events} events, {already_emitted} of them known to be emitted already; \
         {skipped} rows would be skipped"
    ))?;
    for row in bad_rows {
        say(format_args!("  {}: {}", row.row, row.reason))?;
    }
    for sample in samples {
        say(format_args!("{} {}", sample.subject, sample.event))?;
    }
    Ok(())
}
