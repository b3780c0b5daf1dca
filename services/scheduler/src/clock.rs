use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::schedule::Schedule;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_cron_scheduler::{Job as TickerJob, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::jobs::Job;
use service_kit::telemetry::chain;

/// Fires every job at its instants.
///
/// The ticker only says that time has passed. Which instants that concerns is computed from the job's own schedule in
/// its own zone: each job remembers the instant up to which it has looked and takes what was scheduled since, so that a
/// tick that comes late, or a run that takes longer than the pause between two instants, misses none of them.
pub struct Scheduler {
    engine: Engine,
}

/// Why jobs cannot be fired.
#[derive(Debug, thiserror::Error)]
pub enum SchedulerError {
    /// There is no ticker.
    #[error("the ticker cannot be started")]
    Ticker(#[from] JobSchedulerError),
    /// The runs that an earlier process left cannot be read.
    #[error("unfinished runs cannot be read")]
    Unfinished(#[from] store::StoreError),
}

/// After a run that stopped, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Every second. The ticker itself keeps to a fixed offset from UTC and would be an hour off after a clock change.
const EVERY_SECOND: &str = "* * * * * *";

impl Scheduler {
    /// A scheduler that hands its runs to `engine`.
    pub fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// Finishes the runs that an earlier process left unfinished, then fires jobs until told to end.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), SchedulerError> {
        let started = Utc::now();
        let (ticks, clock) = watch::channel(started);
        let mut ticker = start_ticker(ticks).await?;
        let unfinished = self.unfinished().await?;

        let engine = Arc::new(self.engine);
        let mut jobs = JoinSet::new();
        for (job, schedule) in engine.schedules().clone() {
            tracing::info!(%job, %schedule, next = ?schedule.next_after(started), "scheduled");
            let line = Line {
                engine: Arc::clone(&engine),
                job,
                schedule,
                looked_until: started,
            };
            let first = unfinished.get(&job).cloned().unwrap_or_default();
            jobs.spawn(line.run(first, clock.clone()));
        }
        shutdown.cancelled().await;
        // Runs are cut where they are: the next process goes on from their checkpoints.
        jobs.shutdown().await;
        ticker.shutdown().await?;
        Ok(())
    }

    async fn unfinished(&self) -> Result<BTreeMap<Job, Vec<DateTime<Utc>>>, SchedulerError> {
        let mut unfinished: BTreeMap<Job, Vec<DateTime<Utc>>> = BTreeMap::new();
        for (name, scheduled_at) in self.engine.store().unfinished_runs().await? {
            match name.parse() {
                Ok(job) => unfinished.entry(job).or_default().push(scheduled_at),
                Err(error) => tracing::warn!(%scheduled_at, %error, "leaving a run unfinished"),
            }
        }
        Ok(unfinished)
    }
}

async fn start_ticker(ticks: watch::Sender<DateTime<Utc>>) -> Result<JobScheduler, JobSchedulerError> {
    let ticker = JobScheduler::new().await?;
    let tick = TickerJob::new(EVERY_SECOND, move |_, _| {
        ticks.send_replace(Utc::now());
    })?;
    ticker.add(tick).await?;
    ticker.start().await?;
    Ok(ticker)
}

/// The runs of one job, one after the other.
struct Line {
    engine: Arc<Engine>,
    job: Job,
    schedule: Schedule,
    looked_until: DateTime<Utc>,
}

impl Line {
    async fn run(mut self, unfinished: Vec<DateTime<Utc>>, mut clock: watch::Receiver<DateTime<Utc>>) {
        for scheduled_at in unfinished {
            self.fire(scheduled_at).await;
        }
        while clock.changed().await.is_ok() {
            let now = *clock.borrow_and_update();
            let due: Vec<_> = self.schedule.between(self.looked_until, now).collect();
            for scheduled_at in due {
                self.fire(scheduled_at).await;
            }
            // A clock that was put back must not make instants that were fired due again.
            self.looked_until = self.looked_until.max(now);
        }
    }

    /// Runs the job for one instant. What may pass (a database or a log that is away) is waited out: each attempt goes on
    /// where the one before stopped, and nobody has to notice that one failed.
    async fn fire(&self, scheduled_at: DateTime<Utc>) {
        let mut pause = FIRST_PAUSE;
        while let Err(error) = self.engine.run(self.job, scheduled_at, |_| ()).await {
            let cause = chain(&error);
            if !error.may_pass() {
                tracing::error!(job = %self.job, %scheduled_at, cause, "a run failed");
                return;
            }
            tracing::warn!(job = %self.job, %scheduled_at, cause, ?pause, "a run stopped; it goes on after a pause");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
