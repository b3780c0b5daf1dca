use std::convert::Infallible;
use std::sync::Arc;

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use service_kit::problem::Problem;
use service_kit::telemetry::chain;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::attempt::Claimed;
use crate::engine::Engine;
use crate::jobs::Job;
use crate::run::RunError;

/// Runs and dry runs that may go on at once because somebody asked for them over HTTP. Each holds some pages in memory.
const AT_ONCE: usize = 4;

/// The runs that were asked for over HTTP. They go on when the request has been answered, and end with the process: what
/// is not done then is given back, and others go on from its checkpoint.
#[derive(Debug, Clone)]
pub struct Requests {
    runs: TaskTracker,
    room: Arc<Semaphore>,
    shutdown: CancellationToken,
}

impl Requests {
    /// None yet. They end once `shutdown` is cancelled.
    pub fn new(shutdown: CancellationToken) -> Self {
        Self {
            runs: TaskTracker::new(),
            room: Arc::new(Semaphore::new(AT_ONCE)),
            shutdown,
        }
    }

    /// Waits until the process is told to end and all runs have given back what they had.
    pub async fn finish(self) -> Result<(), Infallible> {
        self.shutdown.cancelled().await;
        self.runs.close();
        self.runs.wait().await;
        Ok(())
    }

    /// Room for one run, unless there are too many or the process is ending.
    pub(super) fn room(&self) -> Result<OwnedSemaphorePermit, Problem> {
        if self.shutdown.is_cancelled() {
            return Err(unavailable("ending", "this process is ending; ask another one"));
        }
        Arc::clone(&self.room).try_acquire_owned().map_err(|_| {
            unavailable(
                "too-many-runs",
                "too many runs were asked for; try again when one has ended",
            )
        })
    }

    /// Claims a run and works on it in the background. The answer is the number of the attempt.
    pub(super) async fn begin(
        &self,
        engine: &Engine,
        job: Job,
        scheduled_at: DateTime<Utc>,
    ) -> Result<u32, Refused> {
        let room = self.room().map_err(Refused::Problem)?;
        let claimed = engine.claim(job, scheduled_at).await.map_err(Refused::Run)?;
        let number = claimed.start.attempt.number;
        self.runs
            .spawn(work(engine.clone(), claimed, self.shutdown.clone(), room));
        Ok(number)
    }
}

/// Why a run was not begun.
pub(super) enum Refused {
    Problem(Problem),
    Run(RunError),
}

async fn work(engine: Engine, claimed: Claimed, shutdown: CancellationToken, _room: OwnedSemaphorePermit) {
    let (job, scheduled_at) = (claimed.job, claimed.start.scheduled_at);
    if let Err(error) = engine.attempt(claimed, &shutdown, |_| ()).await {
        tracing::warn!(%job, %scheduled_at, cause = chain(&error), "a run that was asked for stopped");
    }
}

fn unavailable(kind: &str, detail: &str) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        kind,
        "No run can be begun now",
        detail,
    )
}
