use chrono::{DateTime, TimeDelta, Utc};
use domain::misfire::{self, Skip};
use service_kit::telemetry::chain;
use store::StoreError;
use store::job_runs::{Lease, Look, Next};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_cron_scheduler::{Job as TickerJob, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;

use crate::attempt::Claimed;
use crate::engine::{Engine, JobPlan};
use crate::jobs::Job;
use crate::run::BackOff;

/// Fires every job at its instants.
///
/// The ticker only says that time has passed. Which instants that concerns stands in the database: each job has an instant
/// up to which all of its schedule is accounted for. Whoever finds that instants have come since then records for each
/// either a run or why there is none, in one transaction with moving that instant, so that neither a killed process nor
/// several at once leave one out or take it twice. A job has one run at a time; what is scheduled meanwhile is looked at
/// when it has ended.
pub struct Scheduler {
    engine: Engine,
}

/// Why jobs cannot be fired.
#[derive(Debug, thiserror::Error)]
pub enum SchedulerError {
    /// There is no ticker.
    #[error("the ticker cannot be started")]
    Ticker(#[from] JobSchedulerError),
    /// Another process has the tables.
    #[error("this cannot be a scheduler")]
    Tables(#[from] StoreError),
}

/// Every second. The ticker itself keeps to a fixed offset from UTC and would be an hour off after a clock change.
const EVERY_SECOND: &str = "* * * * * *";

/// How soon a job that was resumed begins again.
const PAUSED_LOOK: TimeDelta = TimeDelta::seconds(2);

/// A clock that is behind its own last look by more than this was put back.
const TICK_TOLERANCE: TimeDelta = TimeDelta::seconds(5);

/// How often the history that is too old is removed.
const PRUNE_EVERY: TimeDelta = TimeDelta::hours(1);

impl Scheduler {
    /// A scheduler that hands its runs to `engine`.
    pub fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// Finishes the runs that were left unfinished, accounts for the instants that were missed, and fires jobs until told
    /// to end. Runs that are under way then are given back: others go on from their checkpoints at once.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), SchedulerError> {
        let _sole = self.engine.store().lock_for_scheduling()?;
        let (ticks, clock) = watch::channel(Utc::now());
        let mut ticker = start_ticker(ticks).await?;
        let mut jobs = JoinSet::new();
        for (job, plan) in self.engine.plans() {
            tracing::info!(%job, schedule = %plan.schedule, next = ?plan.schedule.next_after(Utc::now()), "scheduled");
            let line = Line {
                engine: self.engine.clone(),
                job: *job,
                plan: plan.clone(),
                owner: self.engine.process().task(job.as_str()),
                back_off: BackOff::default(),
                looked_at: DateTime::UNIX_EPOCH,
                pruned: DateTime::UNIX_EPOCH,
            };
            jobs.spawn(line.run(clock.clone(), shutdown.clone()));
        }
        while jobs.join_next().await.is_some() {}
        ticker.shutdown().await?;
        Ok(())
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
    engine: Engine,
    job: Job,
    plan: JobPlan,
    owner: String,
    back_off: BackOff,
    looked_at: DateTime<Utc>,
    pruned: DateTime<Utc>,
}

/// When to look again.
#[derive(Debug, Clone, Copy)]
enum Wait {
    /// There may be more to do now.
    No,
    /// At the first instant scheduled after one, or at another where that is earlier.
    Scheduled {
        after: DateTime<Utc>,
        at_latest: DateTime<Utc>,
    },
    /// At an instant, whatever is scheduled before it.
    Until(DateTime<Utc>),
}

impl Line {
    async fn run(mut self, mut clock: watch::Receiver<DateTime<Utc>>, shutdown: CancellationToken) {
        let mut wait = Wait::No;
        while !shutdown.is_cancelled() {
            let now = *clock.borrow_and_update();
            if self.is_over(wait, now) {
                self.looked_at = Utc::now();
                wait = self.look(&shutdown).await;
                continue;
            }
            tokio::select! {
                tick = clock.changed() => if tick.is_err() { return },
                () = shutdown.cancelled() => return,
            }
        }
    }

    fn is_over(&self, wait: Wait, now: DateTime<Utc>) -> bool {
        // What was to be waited for was an instant of a clock that no longer holds.
        if now + TICK_TOLERANCE < self.looked_at {
            return true;
        }
        match wait {
            Wait::No => true,
            Wait::Until(instant) => instant <= now,
            Wait::Scheduled { after, at_latest } => {
                at_latest <= now
                    || self
                        .plan
                        .schedule
                        .next_after(after)
                        .is_some_and(|next| next <= now)
            }
        }
    }

    /// Takes the next run if there is one, and works on it until it ends.
    async fn look(&mut self, shutdown: &CancellationToken) -> Wait {
        let lease = self.engine.lease(self.owner.clone());
        let looked = self.next_run(&lease).await;
        let Look {
            next,
            skipped,
            accounted_until,
            now,
        } = match looked {
            Ok(look) => look,
            Err(error) => return self.unreachable(&error),
        };
        self.tell(&skipped);
        // Instants of the database's clock are waited for on this one.
        let ahead = Utc::now() - now;
        let lease_time = TimeDelta::from_std(lease.duration).unwrap_or(TimeDelta::MAX);
        match next {
            Next::Claimed(start) => {
                let claimed = Claimed {
                    job: self.job,
                    start: *start,
                    lease,
                    back_off: self.back_off.pause(),
                };
                self.work(claimed, shutdown).await;
                Wait::No
            }
            // This task works on one run at a time, so a lease of its own is one that it lost sight of.
            Next::Busy {
                owner: Some(owner), ..
            } if owner == self.owner || self.engine.process().knows_gone(&owner) => {
                match self.engine.store().release_leases(&owner).await {
                    Ok(()) => Wait::No,
                    Err(error) => self.unreachable(&error),
                }
            }
            Next::Busy { until, .. } => Wait::Until((until + ahead).min(Utc::now() + lease_time)),
            Next::Paused => Wait::Until(Utc::now() + PAUSED_LOOK),
            Next::Nothing => {
                self.prune(now).await;
                Wait::Scheduled {
                    after: accounted_until,
                    // What another process lets lapse is found then.
                    at_latest: Utc::now() + lease_time,
                }
            }
        }
    }

    async fn next_run(&self, lease: &Lease) -> Result<Look, StoreError> {
        let window = self.engine.window_start(self.job);
        let plan = |gap: &misfire::Gap| misfire::plan(&self.plan.schedule, &self.plan.misfire, gap);
        let store = self.engine.store();
        store.next_run(self.job.as_str(), lease, &window, &plan).await
    }

    /// What may pass (a database or a log that is away) is waited out: each attempt goes on where the one before stopped,
    /// and nobody has to notice that one failed.
    async fn work(&mut self, claimed: Claimed, shutdown: &CancellationToken) {
        let (job, scheduled_at) = (self.job, claimed.start.scheduled_at);
        let pause = self.back_off.pause();
        match self.engine.attempt(claimed, shutdown, |_| ()).await {
            Ok(_) => self.back_off = BackOff::default(),
            Err(error) if shutdown.is_cancelled() => {
                tracing::info!(%job, %scheduled_at, cause = chain(&error), "a run is left for the next process");
            }
            Err(error) if error.may_pass() => {
                tracing::warn!(%job, %scheduled_at, cause = chain(&error), ?pause, "a run stopped; it goes on after a pause");
                self.back_off = self.back_off.longer();
            }
            Err(error) if error.is_lost() => {
                tracing::warn!(%job, %scheduled_at, cause = chain(&error), "somebody else has taken a run over");
            }
            Err(error) => tracing::error!(%job, %scheduled_at, cause = chain(&error), "a run failed"),
        }
    }

    fn unreachable(&mut self, error: &StoreError) -> Wait {
        let pause = self.back_off.pause();
        tracing::warn!(job = %self.job, cause = chain(error), ?pause, "cannot ask the database what to run");
        self.back_off = self.back_off.longer();
        Wait::Until(Utc::now() + TimeDelta::from_std(pause).unwrap_or_default())
    }

    fn tell(&self, skipped: &[Skip]) {
        for skip in skipped {
            tracing::warn!(
                job = %self.job, first = %skip.first, last = %skip.last, instants = skip.instants, reason = %skip,
                "scheduled instants have no run"
            );
            self.engine
                .metrics()
                .skipped_instants(self.job, skip.reason.as_str(), skip.instants);
        }
    }

    async fn prune(&mut self, now: DateTime<Utc>) {
        if now - self.pruned < PRUNE_EVERY {
            return;
        }
        let before = now - TimeDelta::from_std(self.engine.settings().history).unwrap_or(TimeDelta::MAX);
        match self.engine.store().prune_history(self.job.as_str(), before).await {
            Ok(_) => self.pruned = now,
            Err(error) => {
                tracing::warn!(job = %self.job, cause = chain(&error), "old history was not removed");
            }
        }
    }
}
