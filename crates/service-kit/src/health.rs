//! Liveness and readiness, and the routes that show them.
//!
//! A part of the process that must be up before the whole is holds a [`Gate`] and opens it. A process that is told to end
//! is not ready from that moment on, however long its end takes. Probes only read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

/// Why a process that is told to end is not ready.
const ENDING: &str = "ending";

/// Whether the process can do its work.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    parts: Arc<Mutex<Vec<Part>>>,
    shutdown: CancellationToken,
}

#[derive(Debug, Clone, Serialize)]
struct Part {
    name: &'static str,
    ready: bool,
}

/// One part's say in the readiness of the whole. Dropped, it says no.
#[derive(Debug)]
pub struct Gate {
    readiness: Readiness,
    index: usize,
}

/// What a probe is told.
#[derive(Debug, Serialize)]
struct Report {
    ready: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    parts: Vec<Part>,
}

impl Readiness {
    /// Of a process that `shutdown` tells to end.
    pub fn until(shutdown: CancellationToken) -> Self {
        Self {
            parts: Arc::default(),
            shutdown,
        }
    }

    /// Adds a part, closed at first.
    pub fn gate(&self, name: &'static str) -> Gate {
        let mut parts = self.lock();
        parts.push(Part { name, ready: false });
        Gate {
            readiness: self.clone(),
            index: parts.len() - 1,
        }
    }

    /// Whether every gate is open, and the process was not told to end.
    pub fn is_ready(&self) -> bool {
        self.report().ready
    }

    fn report(&self) -> Report {
        let parts = self.lock().clone();
        let closed = parts.iter().filter(|part| !part.ready).map(|part| part.name);
        let closed: Vec<_> = closed.collect();
        let reason = if self.shutdown.is_cancelled() {
            Some(ENDING.to_owned())
        } else if closed.is_empty() {
            None
        } else {
            Some(format!("not ready: {}", closed.join(", ")))
        };
        Report {
            ready: reason.is_none(),
            reason,
            parts,
        }
    }

    fn set(&self, index: usize, ready: bool) {
        if let Some(part) = self.lock().get_mut(index) {
            part.ready = ready;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Part>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gate {
    /// This part can work.
    pub fn open(&self) {
        self.readiness.set(self.index, true);
    }

    /// This part cannot.
    pub fn close(&self) {
        self.readiness.set(self.index, false);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.close();
    }
}

/// `GET /livez` says that the process answers; `GET /readyz` that every part of it can work, or why the process is not to
/// be asked for anything (503).
pub fn router(readiness: Readiness) -> axum::Router {
    axum::Router::new()
        .route("/livez", get(|| async { "live\n" }))
        .route("/readyz", get(ready))
        .with_state(readiness)
}

async fn ready(State(readiness): State<Readiness>) -> (StatusCode, Json<Report>) {
    let report = readiness.report();
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ready_while_every_gate_is_open() {
        let readiness = Readiness::default();
        let (log, tail) = (readiness.gate("log"), readiness.gate("tail"));
        log.open();
        assert!(!readiness.is_ready());
        assert_eq!(readiness.report().reason.as_deref(), Some("not ready: tail"));
        tail.open();
        assert!(readiness.is_ready());
        drop(log);
        assert!(!readiness.is_ready());
    }

    #[tokio::test]
    async fn a_process_that_is_told_to_end_is_not_ready_and_says_why() {
        let shutdown = CancellationToken::new();
        let readiness = Readiness::until(shutdown.clone());
        let part = readiness.gate("part");
        part.open();
        assert_eq!(ready(State(readiness.clone())).await.0, StatusCode::OK);
        shutdown.cancel();
        let (status, Json(report)) = ready(State(readiness)).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(report.reason.as_deref(), Some("ending"));
    }
}
