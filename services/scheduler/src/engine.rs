use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::misfire::Misfire;
use domain::notice::BadRow;
use domain::occurrence::Occurrence;
use domain::schedule::Schedule;
use domain::settlement::Reward;
use event_log::{EventLog, Record};
use store::Store;
use store::job_runs::{Claim, Counts, Lease};
use tokio_util::sync::CancellationToken;

use crate::attempt::Claimed;
use crate::jobs::Job;
use crate::metrics::Metrics;
use crate::owner::Process;
use crate::payloads::Payloads;
use crate::run::{BackOff, Progress, RunError};
use crate::settings::{Settings, SettingsError};

/// Between two looks at how far the notification table has come.
const TABLE_POLL: Duration = Duration::from_millis(100);

/// Runs jobs.
///
/// A run reads a page of rows, makes their events, appends them, waits until every one of them is acknowledged and only
/// then stores its checkpoint. Killed anywhere, it repeats at most the few pages that were under way, and the log
/// recognises their events. While it works it holds a lease, so that others leave the run alone; what they would do if
/// they did not is harmless, and what a stalled owner does after it lost its lease is refused by the database.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    store: Store,
    log: EventLog,
    settings: Settings,
    plans: BTreeMap<Job, JobPlan>,
    reward: Reward,
    metrics: Metrics,
    process: Process,
}

/// When a job runs, and what is done about instants that were missed.
#[derive(Debug, Clone)]
pub struct JobPlan {
    /// The instants.
    pub schedule: Schedule,
    /// What becomes of those that are found late.
    pub misfire: Misfire,
}

impl Engine {
    /// An engine over these tables and this log.
    pub fn new(
        store: Store,
        log: EventLog,
        settings: Settings,
        metrics: Metrics,
    ) -> Result<Self, SettingsError> {
        let (plans, reward) = (settings.plans()?, settings.reward()?);
        Ok(Self(Arc::new(Inner {
            store,
            log,
            settings,
            plans,
            reward,
            metrics,
            process: Process::this(),
        })))
    }

    /// When each job runs.
    pub fn plans(&self) -> &BTreeMap<Job, JobPlan> {
        &self.0.plans
    }

    /// The tables it works on.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn log(&self) -> &EventLog {
        &self.0.log
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The zone whose clocks and calendar a job goes by.
    pub(crate) fn zone(&self, job: Job) -> Tz {
        self.plans()
            .get(&job)
            .map_or(self.settings().zone, |plan| plan.schedule.zone())
    }

    pub(crate) fn reward(&self) -> &Reward {
        &self.0.reward
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn process(&self) -> &Process {
        &self.0.process
    }

    /// Runs a job for an instant, whatever its schedule says, from where an earlier attempt stopped, and reports how far
    /// the run has come after each page. A run that has succeeded before is done again from its beginning; one that failed
    /// because of its rows goes on from the first page that had one.
    ///
    /// # Errors
    ///
    /// [`RunError::Owned`] where somebody else is at it. What may pass leaves the run unfinished, and schedulers go on
    /// with it; anything else leaves it failed.
    pub async fn run(
        &self,
        job: Job,
        scheduled_at: DateTime<Utc>,
        progress: impl Fn(Progress) + Send + Sync,
    ) -> Result<Counts, RunError> {
        let claimed = self.claim(job, scheduled_at).await?;
        self.attempt(claimed, &CancellationToken::new(), progress).await
    }

    /// Takes a run for an instant, to be worked on at once.
    pub(crate) async fn claim(&self, job: Job, scheduled_at: DateTime<Utc>) -> Result<Claimed, RunError> {
        // What the tables keep: the event and the run must name the same instant.
        let scheduled_at = scheduled_at.trunc_subsecs(6);
        let lease = self.lease(self.process().request());
        loop {
            let window = self.window_start(job);
            let claim = self
                .store()
                .claim_run(job.as_str(), scheduled_at, &lease, &window)
                .await?;
            match claim {
                Claim::Claimed(start) => {
                    return Ok(Claimed {
                        job,
                        start: *start,
                        lease,
                        back_off: BackOff::default().pause(),
                    });
                }
                Claim::Owned { owner, .. } if self.process().knows_gone(&owner) => {
                    self.store().release_leases(&owner).await?;
                }
                Claim::Owned { owner, until } => return Err(RunError::Owned { owner, until }),
            }
        }
    }

    pub(crate) fn lease(&self, owner: String) -> Lease {
        Lease {
            owner,
            duration: self.settings().lease,
        }
    }

    /// The instant up to which earlier runs have done what a run is about: for the very first run, the instant it would
    /// have been scheduled for before.
    pub(crate) fn window_start(
        &self,
        job: Job,
    ) -> impl Fn(DateTime<Utc>, Option<DateTime<Utc>>) -> DateTime<Utc> + Send + Sync + use<> {
        let catch_up = TimeDelta::hours(self.settings().alert_due.catch_up_hours.into());
        let schedule = self.plans().get(&job).map(|plan| plan.schedule.clone());
        move |scheduled_at, last_succeeded| {
            let earliest = scheduled_at - catch_up;
            let last = last_succeeded.or_else(|| schedule.as_ref()?.last_before(scheduled_at));
            last.map_or(earliest, |last| last.max(earliest))
        }
    }

    /// Where the log may have forgotten events that were emitted so long ago, the notification table is asked instead: it
    /// must have seen everything that the log has.
    pub(crate) async fn table_knows_repeats(
        &self,
        earliest_emission: DateTime<Utc>,
    ) -> Result<bool, RunError> {
        let window = TimeDelta::from_std(self.log().duplicate_window()).unwrap_or(TimeDelta::MAX);
        if Utc::now() - earliest_emission < window {
            return Ok(false);
        }
        let logged = self.log().bounds().await?.last_sequence;
        let deadline = Instant::now() + self.settings().table_wait;
        loop {
            let position = self
                .store()
                .projection_position(store::projection::NOTIFICATIONS)
                .await?;
            let projected = position.map_or(0, |position| position.sequence);
            if projected >= logged {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Err(RunError::TableBehind {
                    earliest_emission,
                    projected,
                    logged,
                });
            }
            tokio::time::sleep(TABLE_POLL).await;
        }
    }

    /// The records of one row, unless one of them is more than the log takes.
    pub(crate) fn records(
        &self,
        occurrences: Vec<Occurrence>,
        payloads: &mut Payloads,
    ) -> Result<Vec<Record>, BadRow> {
        let limit = self.log().max_payload_bytes();
        let record = |Occurrence { recipient, event }: Occurrence| {
            let bad = |reason| BadRow {
                row: event.event.aggregate(),
                reason,
            };
            let payload = payloads.write(&event).map_err(|error| bad(error.to_string()))?;
            if payload.len() > limit {
                return Err(bad(format!(
                    "its event has {} bytes; the log takes {limit}",
                    payload.len()
                )));
            }
            Ok(Record {
                recipient,
                id: event.id,
                payload,
            })
        };
        occurrences.into_iter().map(record).collect()
    }
}
