//! `lastcall jobs`: what the schedulers do and did, and steering them.
//!
//! Everything is in the tables, and every scheduler goes by them, so that these commands need no scheduler to be there.
//! Only `run` needs the log as well: it does the work itself.

mod args;
mod dry_run;
mod history;
mod instants;
mod list;
mod run;
mod show;
mod words;

use std::collections::BTreeMap;

use anyhow::Context as _;
use chrono_tz::Tz;
use scheduler::admin::Administration;
use scheduler::{Job, JobPlan};

pub(crate) use args::Jobs;

use crate::output::say;
use crate::settings::Settings;
use crate::{Done, connect};

/// Does what was asked for.
pub(crate) async fn command(settings: &Settings, command: Jobs) -> anyhow::Result<Done> {
    match command {
        Jobs::List(options) => list::command(&Tables::open(settings).await?, options).await?,
        Jobs::Run(options) if options.dry_run => return dry_run::command(settings, options).await,
        Jobs::Run(options) => return run::command(settings, options).await,
        Jobs::History(options) => history::command(&Tables::open(settings).await?, options).await?,
        Jobs::Show(options) => show::command(&Tables::open(settings).await?, options).await?,
        Jobs::Pause { job } => pause(&Tables::open(settings).await?, job).await?,
        Jobs::Resume { job } => resume(&Tables::open(settings).await?, job).await?,
    }
    Ok(Done::Wholly)
}

/// The jobs as the tables have them and the settings plan them.
struct Tables {
    plans: BTreeMap<Job, JobPlan>,
    administration: Administration,
}

impl Tables {
    async fn open(settings: &Settings) -> anyhow::Result<Self> {
        // Wrong settings are said before anything is waited for.
        let plans = settings.scheduler.plans()?;
        let store = connect::store(settings).await?;
        Ok(Self {
            administration: Administration::new(store, plans.clone()),
            plans,
        })
    }

    /// The zone whose clocks the job goes by.
    fn zone(&self, job: Job) -> anyhow::Result<Tz> {
        zone(&self.plans, job)
    }
}

fn zone(plans: &BTreeMap<Job, JobPlan>, job: Job) -> anyhow::Result<Tz> {
    let plan = plans
        .get(&job)
        .with_context(|| format!("{job} is not scheduled"))?;
    Ok(plan.schedule.zone())
}

async fn pause(tables: &Tables, job: Job) -> anyhow::Result<()> {
    tables.administration.pause(job).await?;
    say(format_args!(
        "{job} is paused: no scheduler begins a run of it until `lastcall jobs resume {job}`"
    ))?;
    Ok(())
}

async fn resume(tables: &Tables, job: Job) -> anyhow::Result<()> {
    tables.administration.resume(job).await?;
    say(format_args!(
        "{job} goes on; `lastcall jobs history {job}` shows what became of the instants it missed"
    ))?;
    Ok(())
}
