//! What operators see of the jobs and what they may do with them, over HTTP and on the command line.
//!
//! [`Administration`] needs the tables alone: what runs, ran and was left out, and which jobs are paused, stands there,
//! and every scheduler goes by it. Only running a job takes an engine. [`router`] serves both over HTTP.

mod extract;
mod handlers;
mod history;
mod instant;
mod job;
mod progress;
mod requests;
mod routes;
mod run;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use store::job_runs::{HistoryEntry, RunRecord};
use store::{Store, StoreError};

pub use history::{Entry, HistoryPage, Skipped};
pub use instant::{InstantError, parse_instant};
pub use job::JobSummary;
pub use progress::Pace;
pub use requests::Requests;
pub use routes::router;
pub use run::{AttemptSummary, FailedRowSummary, RunDetail, RunSummary};

use crate::engine::JobPlan;
use crate::jobs::Job;

/// Entries of the history that are looked through at a time for the newest run.
const ENTRIES_A_LOOK: u64 = 20;

/// The jobs as operators see and steer them.
#[derive(Debug, Clone)]
pub struct Administration {
    store: Store,
    plans: BTreeMap<Job, JobPlan>,
}

impl Administration {
    /// Over these tables, with what the settings plan.
    pub fn new(store: Store, plans: BTreeMap<Job, JobPlan>) -> Self {
        Self { store, plans }
    }

    /// Every job, by name.
    pub async fn jobs(&self) -> Result<Vec<JobSummary>, StoreError> {
        let states = self.store.job_states().await?;
        let mut jobs = Vec::with_capacity(self.plans.len());
        for (job, plan) in &self.plans {
            let state = states.iter().find(|state| state.job == job.as_str());
            let last_run = self.last_run(*job).await?;
            jobs.push(JobSummary::new(*job, plan, state, last_run, Utc::now()));
        }
        Ok(jobs)
    }

    /// One of them; nothing where the settings have no plan for it.
    pub async fn job(&self, job: Job) -> Result<Option<JobSummary>, StoreError> {
        let Some(plan) = self.plans.get(&job) else {
            return Ok(None);
        };
        let states = self.store.job_states().await?;
        let state = states.iter().find(|state| state.job == job.as_str());
        let last_run = self.last_run(job).await?;
        Ok(Some(JobSummary::new(job, plan, state, last_run, Utc::now())))
    }

    /// What became of the scheduled instants before `before`, the latest first: at most `limit` entries, and one more
    /// where two share the last instant.
    pub async fn history(
        &self,
        job: Job,
        before: Option<DateTime<Utc>>,
        limit: u64,
    ) -> Result<HistoryPage, StoreError> {
        let entries = self.store.history(job.as_str(), before, limit).await?;
        let last = entries.last().map(HistoryEntry::instant);
        let more = match last {
            Some(last) => !self.store.history(job.as_str(), Some(last), 1).await?.is_empty(),
            None => false,
        };
        Ok(HistoryPage::new(entries, last.filter(|_| more)))
    }

    /// A run with the first `rows` of its failed rows, those after one where that is given.
    pub async fn run(
        &self,
        job: Job,
        scheduled_at: DateTime<Utc>,
        rows_after: Option<&str>,
        rows: u64,
    ) -> Result<Option<RunDetail>, StoreError> {
        let Some(run) = self.store.find_run(job.as_str(), scheduled_at).await? else {
            return Ok(None);
        };
        // One more than asked for says whether there are others.
        let failed = self.store.failed_rows(run.id, rows_after, rows + 1).await?;
        Ok(Some(RunDetail::new(run, failed, rows, Utc::now())))
    }

    /// Keeps a job from beginning runs by itself, in every scheduler. Once more changes nothing.
    pub async fn pause(&self, job: Job) -> Result<(), StoreError> {
        self.store.pause_job(job.as_str()).await
    }

    /// Lets it begin runs again. Once more changes nothing.
    pub async fn resume(&self, job: Job) -> Result<(), StoreError> {
        self.store.resume_job(job.as_str()).await
    }

    /// The run for the latest instant, however many instants were skipped since.
    async fn last_run(&self, job: Job) -> Result<Option<RunRecord>, StoreError> {
        let mut before = None;
        loop {
            let entries = self.store.history(job.as_str(), before, ENTRIES_A_LOOK).await?;
            let Some(last) = entries.last() else {
                return Ok(None);
            };
            before = Some(last.instant());
            let run = entries.into_iter().find_map(|entry| match entry {
                HistoryEntry::Run(run) => Some(run),
                HistoryEntry::Skipped(_) => None,
            });
            if run.is_some() {
                return Ok(run);
            }
        }
    }
}
