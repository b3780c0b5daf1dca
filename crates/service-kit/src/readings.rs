//! Files and pages that are read again and again, as operators see them: with the time of the last good reading they see
//! something grow old before it is missed.

use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// What is counted of the readings of one thing.
#[derive(Debug, Clone)]
pub(crate) struct Readings {
    by_result: Family<[(&'static str, &'static str); 1], Counter>,
    last_good: Gauge<f64, AtomicU64>,
}

impl Readings {
    /// Shows them in `registry`, as `<part>_<name>_readings` and `<part>_<name>_last_reading_timestamp`; `what` stands in
    /// their help.
    pub(crate) fn registered(registry: &mut Registry, part: &str, name: &str, what: &str) -> Self {
        let readings = Self {
            by_result: Family::default(),
            last_good: Gauge::default(),
        };
        for result in ["succeeded", "failed"] {
            readings.by_result.get_or_create_owned(&[("result", result)]);
        }
        let registry = registry.sub_registry_with_prefix(part);
        registry.register(
            format!("{name}_readings"),
            format!("Readings of {what}, by their result"),
            readings.by_result.clone(),
        );
        registry.register_with_unit(
            format!("{name}_last_reading_timestamp"),
            format!("When {what} was last read well, since 1970"),
            Unit::Seconds,
            readings.last_good.clone(),
        );
        readings
    }

    pub(crate) fn succeeded(&self) {
        self.by_result.get_or_create(&[("result", "succeeded")]).inc();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last_good.set(now.as_secs_f64());
    }

    pub(crate) fn failed(&self) {
        self.by_result.get_or_create(&[("result", "failed")]).inc();
    }
}
