//! How long after an event was appended it was written to a stream.
//!
//! Asking the clock for each event of each stream would be felt in a broadcast, so only every [`EVERY`]-th event that
//! the node delivers is measured, and of those only what was written by streams that had everything before: what a
//! client was away for or too slow to take says nothing about this node.

use std::fmt::Error;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// Of so many events delivered, one is measured; the first of the process is.
pub(crate) const EVERY: u64 = 8;

/// Seconds.
const BOUNDS: [f64; 14] = [
    0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// A histogram of relaxed atomics, since the library's own takes a lock.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    /// One more than there are bounds, for what is beyond the last.
    counts: [AtomicU64; BOUNDS.len() + 1],
    sum_microseconds: AtomicU64,
}

impl Latency {
    /// An event that was appended then is written now. Where the clocks of the two differ it may even be later; that
    /// counts as at once.
    pub(crate) fn observe(&self, appended: DateTime<Utc>, now: DateTime<Utc>) {
        let latency = (now - appended).to_std().unwrap_or_default();
        let seconds = latency.as_secs_f64();
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let microseconds = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.sum_microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }
}

impl EncodeMetric for Latency {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), Error> {
        let counts = self.counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(counts).collect();
        let sum = self.sum_microseconds.load(Ordering::Relaxed) as f64 / 1e6;
        encoder.encode_histogram::<NoLabelSet>(sum, counts.iter().sum(), &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}
