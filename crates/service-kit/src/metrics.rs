//! What a process counts and measures, for Prometheus and everything that reads its formats.
//!
//! There is one [`Registry`] for each process. Whoever counts is handed it when the process is put together, and nothing
//! is global: two parts in one process, or two tests, cannot count into each other's numbers.

use std::fmt::Error;
use std::fs;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

pub use prometheus_client::registry::Registry;

/// The [OpenMetrics](https://prometheus.io/docs/specs/om/open_metrics_spec/) text format.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The [text format](https://prometheus.io/docs/instrumenting/exposition_formats/) before it. No metric here is of a
/// type that only OpenMetrics has, so that one text serves both; a counter's type, alone, is lost to this one.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A registry with what every process shows: which build it is, and what it costs the machine.
pub fn registry(version: &'static str) -> Registry {
    let mut registry = Registry::default();
    let build = Family::<[(&str, &str); 3], Gauge>::default();
    build
        .get_or_create(&[
            ("version", version),
            ("os", std::env::consts::OS),
            ("arch", std::env::consts::ARCH),
        ])
        .set(1);
    registry.register("lastcall_build_info", "Which build this is", build);
    registry.register_collector(Box::new(Process {
        started: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs_f64(),
    }));
    registry
}

/// `GET /metrics`.
pub fn router(registry: Registry) -> axum::Router {
    axum::Router::new()
        .route("/metrics", get(scrape))
        .with_state(Arc::new(registry))
}

async fn scrape(State(registry): State<Arc<Registry>>, headers: HeaderMap) -> Response {
    let mut text = String::new();
    if prometheus_client::encoding::text::encode(&mut text, &registry).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let accepted = headers.get_all(header::ACCEPT).iter();
    let open_metrics = accepted
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("application/openmetrics-text"));
    let content_type = if open_metrics {
        OPEN_METRICS
    } else {
        PROMETHEUS_TEXT
    };
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}

/// What the process costs, by the names that
/// [all client libraries use](https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics). Looked up
/// when somebody asks; what the system does not tell is left out.
#[derive(Debug)]
struct Process {
    /// Seconds since 1970.
    started: f64,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let cpu = ConstCounter::new(cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9);
        let mut show = |name, help, metric: &dyn EncodeMetric| {
            metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
        };
        show(
            "process_cpu_seconds",
            "Processor time that the process has used.",
            &cpu,
        )?;
        show(
            "process_start_time_seconds",
            "When the process started, since 1970.",
            &ConstGauge::new(self.started),
        )?;
        let gauges = [
            (
                "process_resident_memory_bytes",
                "Memory that the process has in use.",
                status("VmRSS:").map(|kib| kib * 1024),
            ),
            ("process_threads", "Threads of the process.", status("Threads:")),
            (
                "process_open_fds",
                "Files and sockets that the process has open.",
                open_files(),
            ),
            (
                "process_max_fds",
                "Files and sockets that the process may have open.",
                getrlimit(Resource::Nofile).current,
            ),
        ];
        for (name, help, value) in gauges {
            if let Some(value) = value {
                show(name, help, &ConstGauge::new(value as f64))?;
            }
        }
        Ok(())
    }
}

/// A number of `/proc/self/status` ([proc_pid_status(5)](https://man7.org/linux/man-pages/man5/proc_pid_status.5.html)),
/// in the unit that stands there.
fn status(field: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(field))?;
    value.split_whitespace().next()?.parse().ok()
}

fn open_files() -> Option<u64> {
    // Reading the folder opens it once more.
    let entries = fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    Some(entries.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn value(text: &str, series: &str) -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        let line = line.unwrap_or_else(|| panic!("no {series} in\n{text}"));
        line.trim().parse().unwrap()
    }

    async fn scraped(accept: Option<&'static str>) -> (String, String) {
        let registry = Arc::new(registry("1.2.3"));
        let headers = accept.map(|accept| (header::ACCEPT, HeaderValue::from_static(accept)));
        let response = scrape(State(registry), headers.into_iter().collect()).await;
        let content_type = response.headers()[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .to_owned();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        (content_type, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_process_shows_which_build_it_is_and_what_it_costs() {
        let (_, text) = scraped(None).await;
        assert!(text.contains("lastcall_build_info{version=\"1.2.3\","), "{text}");
        assert!(value(&text, "process_cpu_seconds_total ") > 0.0);
        assert!(value(&text, "process_start_time_seconds ") > 1.7e9);
        if cfg!(target_os = "linux") {
            assert!(value(&text, "process_resident_memory_bytes ") > 1e6);
            assert!(value(&text, "process_threads ") >= 1.0);
            assert!(value(&text, "process_open_fds ") >= 3.0);
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[tokio::test]
    async fn who_takes_open_metrics_gets_it_and_who_does_not_gets_what_it_can_read() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3";
        assert_eq!(scraped(Some(prometheus)).await.0, OPEN_METRICS);
        for accept in [None, Some("*/*"), Some("text/plain")] {
            let (content_type, text) = scraped(accept).await;
            assert_eq!(content_type, PROMETHEUS_TEXT);
            // A type that the older format does not know makes its readers refuse the whole text.
            for line in text.lines().filter(|line| line.starts_with("# TYPE")) {
                let known = ["counter", "gauge", "histogram"];
                assert!(known.iter().any(|known| line.ends_with(known)), "{line}");
            }
        }
    }
}
