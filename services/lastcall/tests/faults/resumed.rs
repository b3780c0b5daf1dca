//! From where edges served clients that came back, as they count it themselves. Counts end with a process, so they are asked
//! for before it is told to end.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// An edge that does not answer has not served much either.
const LIMIT: Duration = Duration::from_secs(2);

/// What is before the name of the source and its count.
const COUNTED: &str = "lastcall_edge_events_replayed_total{source=\"";

/// Events that were replayed, by where they came from.
#[derive(Default)]
pub(crate) struct Resumed(Mutex<BTreeMap<String, u64>>);

impl Resumed {
    /// Adds what the process at this address has counted.
    pub(crate) async fn add(&self, metrics: &str) {
        let Some(text) = read(metrics).await else {
            return;
        };
        let mut counts = self.counts();
        for line in text.lines().filter_map(|line| line.strip_prefix(COUNTED)) {
            let (source, count) = line.split_once("\"} ").unwrap_or((line, ""));
            let count: u64 = count.parse().expect("a count");
            *counts.entry(source.to_owned()).or_default() += count;
        }
    }

    /// How many came from there.
    pub(crate) fn from(&self, source: &str) -> u64 {
        self.counts().get(source).copied().unwrap_or(0)
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(url: &str) -> Option<String> {
    let client = reqwest::Client::builder().timeout(LIMIT).build().ok()?;
    client.get(url).send().await.ok()?.text().await.ok()
}
