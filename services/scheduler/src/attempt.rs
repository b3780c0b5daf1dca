//! One try at a run, from its checkpoint to its end, under a lease.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use service_kit::telemetry::chain;
use store::StoreError;
use store::job_runs::{Counts, Lease, PageBegan, PageEnd, RunStart};
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::jobs::{AlertDue, CouponExpiring, FundingClosing, FundingSettlement, Job, RunScope, Steps};
use crate::metrics::RunResult;
use crate::pages::{Done, Pages};
use crate::run::{Progress, RunError};

/// A lease is renewed this often while it lasts: two renewals may be lost before anybody else takes the run.
const RENEWALS_A_LEASE: u32 = 3;

/// A run that this process owns.
pub(crate) struct Claimed {
    pub(crate) job: Job,
    pub(crate) start: RunStart,
    pub(crate) lease: Lease,
    /// How long the schedulers leave the run alone after something that may pass has stopped it.
    pub(crate) back_off: Duration,
}

impl Engine {
    /// Works on a run until it ends, somebody else has it, or the process is told to end.
    pub(crate) async fn attempt(
        &self,
        claimed: Claimed,
        shutdown: &CancellationToken,
        progress: impl Fn(Progress) + Send + Sync,
    ) -> Result<Counts, RunError> {
        let (job, scheduled_at) = (claimed.job, claimed.start.scheduled_at);
        let began = Instant::now();
        tracing::debug!(%job, %scheduled_at, attempt = claimed.start.attempt.number, "running");
        let running = self.metrics().run_began(job);
        let done = Arc::new(Mutex::new(Done {
            counts: claimed.start.counts,
            ..Done::default()
        }));
        let worked = tokio::select! {
            worked = self.work(&claimed, &done, &progress) => worked,
            lost = self.keep_lease(&claimed) => Err(lost),
            () = shutdown.cancelled() => Err(RunError::Stopped),
        };
        let (counts, last_emit) = {
            let done = done.lock().unwrap_or_else(PoisonError::into_inner);
            (done.counts, done.last_emit)
        };
        if let Err(error) = &worked {
            self.record(&claimed, error, counts).await;
        }
        running.ended(result_of(worked.as_ref().err()), began.elapsed());
        if let (Ok(()), Some(at)) = (&worked, last_emit) {
            self.metrics().last_emit(job, at - scheduled_at);
        }
        worked?;
        report(job, scheduled_at, counts, began.elapsed());
        Ok(counts)
    }

    async fn work(
        &self,
        claimed: &Claimed,
        done: &Arc<Mutex<Done>>,
        progress: &(impl Fn(Progress) + Send + Sync),
    ) -> Result<(), RunError> {
        match claimed.job {
            Job::CouponExpiring => {
                let steps = CouponExpiring::new(self);
                self.pages(claimed, done, progress, steps).await
            }
            Job::FundingClosing => {
                let steps = FundingClosing::new(self);
                self.pages(claimed, done, progress, steps).await
            }
            Job::FundingSettlement => {
                let steps = FundingSettlement::new(self);
                self.pages(claimed, done, progress, steps).await
            }
            Job::AlertDue => {
                let steps = AlertDue::new(self);
                self.pages(claimed, done, progress, steps).await
            }
        }
    }

    async fn pages<S: Steps>(
        &self,
        claimed: &Claimed,
        done: &Arc<Mutex<Done>>,
        progress: &(impl Fn(Progress) + Send + Sync),
        steps: S,
    ) -> Result<(), RunError> {
        let pages = Pages {
            engine: self,
            job: claimed.job,
            attempt: &claimed.start.attempt,
            scope: RunScope {
                scheduled_at: claimed.start.scheduled_at,
                window_start: claimed.start.window_start,
            },
            done: Arc::clone(done),
            progress,
        };
        pages.work(steps, claimed.start.checkpoint.clone()).await
    }

    /// Ends only when the run is somebody else's. A database that is away for a while does not end the work: should the
    /// lease lapse meanwhile, the next checkpoint finds out.
    async fn keep_lease(&self, claimed: &Claimed) -> RunError {
        let Claimed { start, lease, .. } = claimed;
        loop {
            tokio::time::sleep(lease.duration / RENEWALS_A_LEASE).await;
            match self.store().renew_lease(&start.attempt, lease).await {
                Ok(()) => {}
                Err(error @ StoreError::AttemptOver { .. }) => return error.into(),
                Err(error) => {
                    tracing::warn!(job = %claimed.job, cause = chain(&error), "a lease cannot be renewed");
                }
            }
        }
    }

    /// Stores what stopped the attempt, which says more than that it could not be stored.
    async fn record(&self, claimed: &Claimed, error: &RunError, counts: Counts) {
        let (attempt, store) = (&claimed.start.attempt, self.store());
        let recorded = match error {
            RunError::Stopped => store.release_run(attempt).await,
            RunError::Store(StoreError::AttemptOver { .. }) => return,
            RunError::TooManyBadRows { page, .. } => store.finish_run(attempt, Err(chain(error)), page).await,
            error if error.may_pass() => store.interrupt_run(attempt, chain(error), claimed.back_off).await,
            error => {
                let page = PageEnd {
                    counts,
                    failed_rows: Vec::new(),
                    began: PageBegan {
                        checkpoint: None,
                        counts,
                    },
                };
                store.finish_run(attempt, Err(chain(error)), &page).await
            }
        };
        if let Err(unrecorded) = recorded {
            tracing::warn!(job = %claimed.job, cause = chain(&unrecorded), "the end of an attempt was not recorded");
        }
    }
}

fn result_of(error: Option<&RunError>) -> RunResult {
    match error {
        None => RunResult::Succeeded,
        Some(RunError::Stopped) => RunResult::Released,
        Some(RunError::Store(StoreError::AttemptOver { .. })) => RunResult::Lost,
        Some(error) if error.may_pass() => RunResult::Interrupted,
        Some(_) => RunResult::Failed,
    }
}

fn report(job: Job, scheduled_at: DateTime<Utc>, counts: Counts, took: Duration) {
    let Counts {
        read,
        emitted,
        already_emitted,
        skipped,
    } = counts;
    if counts == Counts::default() {
        tracing::debug!(%job, %scheduled_at, "nothing to do");
    } else {
        let took = format!("{took:.1?}");
        tracing::info!(%job, %scheduled_at, read, emitted, already_emitted, skipped, took, "done");
    }
}
