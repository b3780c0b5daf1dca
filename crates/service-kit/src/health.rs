//! Liveness and readiness, and the routes that show them.
//!
//! A part of the process that must be up before the whole is holds a [`Gate`] and opens it. Probes only read.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Serialize;

/// Whether the process can do its work.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<Mutex<Vec<Part>>>);

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

impl Readiness {
    /// Adds a part, closed at first.
    pub fn gate(&self, name: &'static str) -> Gate {
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        parts.push(Part { name, ready: false });
        Gate {
            readiness: self.clone(),
            index: parts.len() - 1,
        }
    }

    /// Whether every gate is open.
    pub fn is_ready(&self) -> bool {
        self.parts().iter().all(|part| part.ready)
    }

    fn parts(&self) -> Vec<Part> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, index: usize, ready: bool) {
        if let Some(part) = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_mut(index)
        {
            part.ready = ready;
        }
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

/// `GET /livez` says that the process answers; `GET /readyz` that every part of it can work, or which cannot (503).
pub fn router(readiness: Readiness) -> axum::Router {
    axum::Router::new()
        .route("/livez", get(|| async { "live\n" }))
        .route("/readyz", get(ready))
        .with_state(readiness)
}

async fn ready(State(readiness): State<Readiness>) -> (StatusCode, Json<Vec<Part>>) {
    let status = if readiness.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(readiness.parts()))
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
        tail.open();
        assert!(readiness.is_ready());
        drop(log);
        assert!(!readiness.is_ready());
    }
}
