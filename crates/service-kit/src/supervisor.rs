//! Tasks with a stated fate.
//!
//! Every task is essential: one that fails or panics ends the process, and so does one that ends before it was told to.
//! A process that lives on without one of its parts looks well and does nothing.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::telemetry::chain;

/// What a task may end with.
pub type TaskError = Box<dyn std::error::Error + Send + Sync>;

/// Runs the parts of a process until it is told to end or one of them fails.
#[derive(Default)]
pub struct Supervisor {
    tasks: JoinSet<(&'static str, Result<(), TaskError>)>,
    shutdown: CancellationToken,
    signals: Option<Signals>,
}

/// How a process came to fail.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A task ended with an error.
    #[error("{task} failed")]
    Task {
        /// Which.
        task: &'static str,
        /// With what.
        source: TaskError,
    },
    /// A task ended though nobody had told it to.
    #[error("{0} ended although it was not told to")]
    Ended(&'static str),
    /// A task panicked.
    #[error("a task panicked")]
    Panicked(#[source] tokio::task::JoinError),
    /// Tasks were told to end and did not in time.
    #[error("{0} tasks did not end in time")]
    Hung(usize),
    /// Signals cannot be listened for.
    #[error("cannot listen for signals")]
    Signals(#[source] std::io::Error),
}

impl Supervisor {
    /// No tasks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps signals from ending the process at once from now on; [`run`](Self::run) then finds those that came before
    /// it. For a process that has something to clean up already while it starts.
    pub fn hold_signals(&mut self) -> Result<(), Failure> {
        self.signals = Some(Signals::listen().map_err(Failure::Signals)?);
        Ok(())
    }

    /// Tells tasks to end when cancelled.
    pub fn shutdown_token(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Starts a task that ends only when it is told to.
    pub fn spawn<E>(&mut self, name: &'static str, task: impl Future<Output = Result<(), E>> + Send + 'static)
    where
        E: Into<TaskError> + 'static,
    {
        self.tasks
            .spawn(async move { (name, task.await.map_err(Into::into)) });
    }

    /// Runs until SIGINT, SIGTERM or a failure, then tells all tasks to end and gives them `grace`. A second signal
    /// means now.
    pub async fn run(mut self, grace: Duration) -> Result<(), Failure> {
        let mut signals = match self.signals.take() {
            Some(signals) => signals,
            None => Signals::listen().map_err(Failure::Signals)?,
        };
        let first_failure = tokio::select! {
            name = signals.next() => {
                tracing::info!(signal = %name, "ending");
                None
            }
            () = self.shutdown.cancelled() => None,
            Some(ended) = self.tasks.join_next() => Some(early_end(ended)),
        };
        self.shutdown.cancel();
        if let Some(failure) = &first_failure {
            tracing::error!(cause = %chain(failure), "ending because of a failure");
        }
        let failed_late = tokio::select! {
            result = tokio::time::timeout(grace, drain(&mut self.tasks)) => {
                result.unwrap_or_else(|_| Some(Failure::Hung(self.tasks.len())))
            }
            name = signals.next() => {
                tracing::warn!(signal = %name, "ending now");
                Some(Failure::Hung(self.tasks.len()))
            }
        };
        first_failure.or(failed_late).map_or(Ok(()), Err)
    }
}

type Ended = Result<(&'static str, Result<(), TaskError>), tokio::task::JoinError>;

fn early_end(ended: Ended) -> Failure {
    failure_of(ended).unwrap_or_else(Failure::Ended)
}

fn failure_of(ended: Ended) -> Result<Failure, &'static str> {
    match ended {
        Ok((task, Err(source))) => Ok(Failure::Task { task, source }),
        Ok((task, Ok(()))) => Err(task),
        Err(panic) => Ok(Failure::Panicked(panic)),
    }
}

async fn drain(tasks: &mut JoinSet<(&'static str, Result<(), TaskError>)>) -> Option<Failure> {
    let mut first = None;
    while let Some(ended) = tasks.join_next().await {
        match failure_of(ended) {
            Ok(failure) => first = first.or(Some(failure)),
            Err(task) => tracing::debug!(task, "ended"),
        }
    }
    first
}

struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor")
            .field("tasks", &self.tasks.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn a_task_that_ends_by_itself_ends_the_process_loudly_and_the_others_are_told() {
        let mut supervisor = Supervisor::new();
        let told = supervisor.shutdown_token();
        supervisor.spawn("patient", async move {
            told.cancelled().await;
            Ok::<_, TaskError>(())
        });
        supervisor.spawn("hasty", async { Ok::<_, TaskError>(()) });
        assert!(matches!(
            supervisor.run(GRACE).await,
            Err(Failure::Ended("hasty"))
        ));
    }

    #[tokio::test]
    async fn an_error_and_a_panic_end_the_process() {
        let mut supervisor = Supervisor::new();
        supervisor.spawn("failing", async { Err::<(), TaskError>("broken".into()) });
        assert!(matches!(
            supervisor.run(GRACE).await,
            Err(Failure::Task { task: "failing", .. })
        ));

        let mut supervisor = Supervisor::new();
        supervisor.spawn("panicking", async { panic!("oh") as Result<(), TaskError> });
        assert!(matches!(supervisor.run(GRACE).await, Err(Failure::Panicked(_))));
    }

    #[tokio::test]
    async fn who_does_not_end_when_told_is_reported() {
        let mut supervisor = Supervisor::new();
        supervisor.spawn("deaf", std::future::pending::<Result<(), TaskError>>());
        supervisor.shutdown_token().cancel();
        assert!(matches!(
            supervisor.run(Duration::from_millis(10)).await,
            Err(Failure::Hung(1))
        ));
    }
}
