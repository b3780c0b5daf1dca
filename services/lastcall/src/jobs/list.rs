use chrono_tz::Tz;
use scheduler::admin::JobSummary;

use super::args::List;
use super::{Tables, instants, words};
use crate::output::say;

pub(super) async fn command(tables: &Tables, options: List) -> anyhow::Result<()> {
    for job in tables.administration.jobs().await? {
        if options.json {
            say(serde_json::to_string(&job)?)?;
        } else {
            show(&job, tables.zone(job.name.parse()?)?)?;
        }
    }
    Ok(())
}

fn show(job: &JobSummary, zone: Tz) -> anyhow::Result<()> {
    say(format_args!("{}  {} ({})", job.name, job.cron, job.zone))?;
    if let Some(since) = job.paused_since {
        say(format_args!("  paused since {}", instants::local(since, zone)))?;
    }
    if let Some(run) = &job.last_run {
        say(format_args!(
            "  last {}  {}, {}, {}",
            instants::local(run.scheduled_at, zone),
            run.state,
            words::times(run),
            words::counts(run.counts, None)
        ))?;
    }
    for next in &job.next {
        say(format_args!("  next {}", instants::local(*next, zone)))?;
    }
    Ok(())
}
