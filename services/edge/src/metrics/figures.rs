//! What is looked up when somebody asks for the metrics of a node.

use std::fmt::{self, Error};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::Utc;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use super::latency::EVERY;
use crate::edge::Shared;

const PREFIX: &str = "lastcall_edge";

/// A node that is asked.
struct Figures(Arc<Shared>);

/// Shows the metrics of a node in `registry`, as `lastcall_edge_…`.
pub(crate) fn register(shared: &Arc<Shared>, registry: &mut Registry) {
    let registry = registry.sub_registry_with_prefix(PREFIX);
    shared.metrics.register(registry);
    registry.register_collector(Box::new(Figures(Arc::clone(shared))));
}

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Figures").finish_non_exhaustive()
    }
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        self.encode_streams(&mut encoder)?;
        self.encode_window(&mut encoder)?;
        self.encode_tail(&mut encoder)
    }
}

impl Figures {
    fn encode_streams(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let Shared {
            metrics, registry, ..
        } = &*self.0;
        let deliveries = &metrics.deliveries;
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        show(
            encoder,
            "streams",
            "Streams that are open, and polls that wait.",
            None,
            &ConstGauge::new(registry.len() as f64),
        )?;
        show(
            encoder,
            "events_delivered",
            "Events that were written to clients.",
            None,
            &ConstCounter::new(count(&deliveries.events)),
        )?;
        let mut replayed = encoder.encode_descriptor(
            "events_replayed",
            "Those of them that a client had missed or was slow to take, by where they were found.",
            None,
            MetricType::Counter,
        )?;
        for (source, counted) in [
            ("window", &deliveries.replayed_from_window),
            ("log", &deliveries.replayed_from_log),
        ] {
            let counted = ConstCounter::new(count(counted));
            counted.encode(replayed.encode_family(&[("source", source)])?)?;
        }
        let help = format!(
            "From the log's time of an event to the write of a stream that had everything before it, of every {EVERY}th \
             event; several at once count with their first."
        );
        show(
            encoder,
            "append_to_write",
            &help,
            Some(&Unit::Seconds),
            &metrics.latency,
        )
    }

    fn encode_window(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let contents = self.0.window().contents();
        let span = contents
            .oldest
            .and_then(|oldest| (Utc::now() - oldest).to_std().ok())
            .unwrap_or_default();
        show(
            encoder,
            "window",
            "Memory of the window's events.",
            Some(&Unit::Bytes),
            &ConstGauge::new(contents.bytes as f64),
        )?;
        show(
            encoder,
            "window_events",
            "Events in the window.",
            None,
            &ConstGauge::new(contents.events as f64),
        )?;
        show(
            encoder,
            "window_span",
            "How long ago the oldest event in the window was appended.",
            Some(&Unit::Seconds),
            &ConstGauge::new(span.as_secs_f64()),
        )
    }

    fn encode_tail(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let Shared { metrics, skipped, .. } = &*self.0;
        show(
            encoder,
            "tail_lag_messages",
            "Sequences of the log that the window had yet to reach when the log was last asked, every ten seconds.",
            None,
            &ConstGauge::new(metrics.tail.lag.load(Ordering::Relaxed) as f64),
        )?;
        show(
            encoder,
            "tail_silence",
            "How long the log has not been heard of, neither by a message nor by an answer.",
            Some(&Unit::Seconds),
            &ConstGauge::new(metrics.tail.silence().as_secs_f64()),
        )?;
        show(
            encoder,
            "messages_skipped",
            "Messages of the log that no client can get.",
            None,
            &ConstCounter::new(skipped.load(Ordering::Relaxed)),
        )
    }
}

fn show(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    metric: &dyn EncodeMetric,
) -> Result<(), Error> {
    metric.encode(encoder.encode_descriptor(name, help, unit, metric.metric_type())?)
}
