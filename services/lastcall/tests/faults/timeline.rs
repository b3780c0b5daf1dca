//! What was done to a deployment, and when, to be read beside what went wrong.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What happened so far.
pub(crate) struct Timeline {
    pub(crate) begun: Instant,
    notes: Mutex<Vec<(Duration, String)>>,
    faults: Mutex<BTreeMap<&'static str, usize>>,
}

impl Timeline {
    pub(crate) fn new() -> Self {
        Self {
            begun: Instant::now(),
            notes: Mutex::default(),
            faults: Mutex::default(),
        }
    }

    pub(crate) fn note(&self, what: impl Into<String>) {
        let note = (self.begun.elapsed(), what.into());
        lock(&self.notes).push(note);
    }

    /// Notes a fault, and counts it among those of its kind.
    pub(crate) fn fault(&self, kind: &'static str, what: impl Into<String>) {
        *lock(&self.faults).entry(kind).or_default() += 1;
        self.note(what);
    }

    /// How many faults of each kind there were.
    pub(crate) fn faults(&self) -> String {
        let faults = lock(&self.faults);
        let counts = faults.iter().map(|(kind, count)| format!("{count} {kind}"));
        counts.collect::<Vec<_>>().join(", ")
    }

    /// What happened from one moment to another, a line each.
    pub(crate) fn between(&self, from: Duration, to: Duration) -> String {
        let mut lines = String::new();
        for (at, what) in lock(&self.notes).iter() {
            if (from..=to).contains(at) {
                // Writing to a String cannot fail.
                let _ = writeln!(lines, "{:9.3} s  {what}", at.as_secs_f64());
            }
        }
        lines
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
