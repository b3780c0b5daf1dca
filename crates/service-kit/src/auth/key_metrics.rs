use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// What is counted of the key set: with the time of the last good reading an operator sees keys grow old before a token of
/// a new one is refused.
#[derive(Debug, Clone)]
pub(super) struct KeyMetrics {
    readings: Family<[(&'static str, &'static str); 1], Counter>,
    last_good: Gauge<f64, AtomicU64>,
}

impl KeyMetrics {
    /// Shows them in `registry`, as `lastcall_auth_…`.
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let metrics = Self {
            readings: Family::default(),
            last_good: Gauge::default(),
        };
        for result in ["succeeded", "failed"] {
            metrics.readings.get_or_create_owned(&[("result", result)]);
        }
        let registry = registry.sub_registry_with_prefix("lastcall_auth");
        registry.register(
            "key_set_readings",
            "Readings of the key set that tokens are checked with, by their result",
            metrics.readings.clone(),
        );
        registry.register_with_unit(
            "key_set_last_reading_timestamp",
            "When the key set was last read well, since 1970",
            Unit::Seconds,
            metrics.last_good.clone(),
        );
        metrics
    }

    pub(super) fn succeeded(&self) {
        self.readings.get_or_create(&[("result", "succeeded")]).inc();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last_good.set(now.as_secs_f64());
    }

    pub(super) fn failed(&self) {
        self.readings.get_or_create(&[("result", "failed")]).inc();
    }
}
