//! Tasks with a stated fate.
//!
//! Every task is essential: one that fails or panics ends the process, and so does one that ends before it was told to.
//! A process that lives on without one of its parts looks well and does nothing.
//!
//! When the process is told to end, all tasks are told at once, but for those that answer how it is with the process: they
//! go on until the others have ended.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::telemetry::chain;

/// How long those may take that end last. Who keeps a connection to them open must not keep the process.
const LAST_GRACE: Duration = Duration::from_secs(1);

/// What a task may end with.
pub type TaskError = Box<dyn std::error::Error + Send + Sync>;

type Tasks = JoinSet<(&'static str, Result<(), TaskError>)>;

/// Runs the parts of a process until it is told to end or one of them fails.
#[derive(Default)]
pub struct Supervisor {
    tasks: Tasks,
    shutdown: CancellationToken,
    /// Told to end when the others have ended.
    last: Tasks,
    end: CancellationToken,
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

    /// Tells tasks to end when cancelled that [`spawn_last`](Self::spawn_last) has started.
    pub fn end_token(&self) -> CancellationToken {
        self.end.clone()
    }

    /// Starts a task that ends only when it is told to.
    pub fn spawn<E>(&mut self, name: &'static str, task: impl Future<Output = Result<(), E>> + Send + 'static)
    where
        E: Into<TaskError> + 'static,
    {
        self.tasks
            .spawn(async move { (name, task.await.map_err(Into::into)) });
    }

    /// Starts a task that goes on while the others end, and is told to end by the [`end_token`](Self::end_token).
    pub fn spawn_last<E>(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) where
        E: Into<TaskError> + 'static,
    {
        self.last
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
            Some(ended) = self.last.join_next() => Some(early_end(ended)),
        };
        if let Some(failure) = &first_failure {
            tracing::error!(cause = %chain(failure), "ending because of a failure");
        }
        let failed_late = self.end(grace, &mut signals).await;
        first_failure.or(failed_late).map_or(Ok(()), Err)
    }

    /// Tells everybody to end, and returns what went wrong with that.
    async fn end(&mut self, grace: Duration, signals: &mut Signals) -> Option<Failure> {
        self.shutdown.cancel();
        let failure = tokio::select! {
            result = tokio::time::timeout(grace, drain(&mut self.tasks)) => {
                result.unwrap_or_else(|_| Some(Failure::Hung(self.tasks.len())))
            }
            name = signals.next() => {
                tracing::warn!(signal = %name, "ending now");
                Some(Failure::Hung(self.tasks.len()))
            }
        };
        self.end.cancel();
        if failure.is_some() {
            return failure;
        }
        let ended_last = tokio::time::timeout(LAST_GRACE, drain(&mut self.last)).await;
        ended_last.unwrap_or_default()
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

async fn drain(tasks: &mut Tasks) -> Option<Failure> {
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
    async fn what_ends_last_goes_on_until_the_others_have_ended() {
        let mut supervisor = Supervisor::new();
        let (told, end) = (supervisor.shutdown_token(), supervisor.end_token());
        let others_ended = CancellationToken::new();
        let guard = others_ended.clone().drop_guard();
        supervisor.spawn("patient", async move {
            told.cancelled().await;
            tokio::task::yield_now().await;
            drop(guard);
            Ok::<_, TaskError>(())
        });
        supervisor.spawn_last("last", async move {
            end.cancelled().await;
            if others_ended.is_cancelled() {
                Ok(())
            } else {
                Err(TaskError::from("told too early"))
            }
        });
        supervisor.shutdown_token().cancel();
        supervisor.run(GRACE).await.unwrap();

        let mut supervisor = Supervisor::new();
        supervisor.spawn_last("hasty", async { Ok::<_, TaskError>(()) });
        assert!(matches!(
            supervisor.run(GRACE).await,
            Err(Failure::Ended("hasty"))
        ));
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
