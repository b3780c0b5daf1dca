//! What the scheduler counts, by the names and units that `register` gives.
//!
//! Jobs, results and reasons are the only labels: a label with a user or an instant in it would be a new series for each.
//! Everything is moved once for a page or a run, never for a row.

use std::time::Duration;

use chrono::TimeDelta;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use store::job_runs::Counts;

use crate::jobs::Job;

type Labels<const N: usize> = [(&'static str, &'static str); N];
type Counters<const N: usize> = Family<Labels<N>, Counter>;
type Histograms = Family<Labels<1>, Histogram, fn() -> Histogram>;

/// Seconds. A tick is up to a second late; what is later than some seconds was waited for.
const LATENESS: [f64; 12] = [
    0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0,
];

/// Seconds.
const DURATION: [f64; 12] = [
    0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0,
];

/// How an attempt at a run ended, for who counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunResult {
    /// The run came to its end.
    Succeeded,
    /// It gave up.
    Failed,
    /// Something that may pass stopped it; it is tried again.
    Interrupted,
    /// The process was told to end; anybody may go on.
    Released,
    /// Somebody else has taken the run over.
    Lost,
}

impl RunResult {
    const ALL: [Self; 5] = [
        Self::Succeeded,
        Self::Failed,
        Self::Interrupted,
        Self::Released,
        Self::Lost,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Released => "released",
            Self::Lost => "lost",
        }
    }
}

/// The scheduler's metrics. Clones count together; those that were never registered count for nobody.
#[derive(Debug, Clone)]
pub struct Metrics {
    rows_read: Counters<1>,
    events_emitted: Counters<1>,
    events_already_emitted: Counters<1>,
    rows_skipped: Counters<1>,
    runs: Counters<2>,
    instants_skipped: Counters<2>,
    running: Family<Labels<1>, Gauge>,
    first_emit_lateness: Histograms,
    last_emit_lateness: Histograms,
    run_duration: Histograms,
}

impl Default for Metrics {
    /// Everything at zero. Series that are there from the start are what rates and alerts can be computed from.
    fn default() -> Self {
        let lateness: fn() -> Histogram = || Histogram::new(LATENESS);
        let metrics = Self {
            rows_read: Family::default(),
            events_emitted: Family::default(),
            events_already_emitted: Family::default(),
            rows_skipped: Family::default(),
            runs: Family::default(),
            instants_skipped: Family::default(),
            running: Family::default(),
            first_emit_lateness: Family::new_with_constructor(lateness),
            last_emit_lateness: Family::new_with_constructor(lateness),
            run_duration: Family::new_with_constructor(|| Histogram::new(DURATION)),
        };
        for job in Job::ALL {
            metrics.page_done(job, Counts::default());
            metrics.running.get_or_create_owned(&of(job));
            for result in RunResult::ALL {
                metrics.runs.get_or_create_owned(&ended(job, result));
            }
            for histograms in [
                &metrics.first_emit_lateness,
                &metrics.last_emit_lateness,
                &metrics.run_duration,
            ] {
                histograms.get_or_create_owned(&of(job));
            }
        }
        metrics
    }
}

impl Metrics {
    /// Shows them in `registry`, as `lastcall_scheduler_…`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("lastcall_scheduler");
        registry.register("rows_read", "Rows that jobs have read", self.rows_read.clone());
        registry.register(
            "events_emitted",
            "Events that the log did not have before",
            self.events_emitted.clone(),
        );
        registry.register(
            "events_already_emitted",
            "Events that the log had already",
            self.events_already_emitted.clone(),
        );
        registry.register(
            "rows_skipped",
            "Rows that no event could be made of",
            self.rows_skipped.clone(),
        );
        registry.register("runs", "Attempts at runs, by how they ended", self.runs.clone());
        registry.register(
            "instants_skipped",
            "Scheduled instants without a run, by the reason",
            self.instants_skipped.clone(),
        );
        registry.register(
            "running",
            "Runs that this process is working on",
            self.running.clone(),
        );
        let mut seconds = |name: &str, help: &str, histograms: &Histograms| {
            registry.register_with_unit(name, help, Unit::Seconds, histograms.clone());
        };
        seconds(
            "first_emit_lateness",
            "From the scheduled instant of a run to its first event",
            &self.first_emit_lateness,
        );
        seconds(
            "last_emit_lateness",
            "From the scheduled instant of a run to its last event",
            &self.last_emit_lateness,
        );
        seconds(
            "run_duration",
            "How long attempts at runs took",
            &self.run_duration,
        );
    }

    /// An attempt begins. It counts as running until what this returns is ended or dropped.
    #[must_use]
    pub fn run_began(&self, job: Job) -> Running {
        self.running.get_or_create(&of(job)).inc();
        Running {
            job,
            metrics: self.clone(),
        }
    }

    /// A run's first event is in the log, so long after its scheduled instant.
    pub fn first_emit(&self, job: Job, lateness: TimeDelta) {
        self.first_emit_lateness
            .get_or_create(&of(job))
            .observe(seconds(lateness));
    }

    /// A run is done, and its last event came so long after its scheduled instant.
    pub fn last_emit(&self, job: Job, lateness: TimeDelta) {
        self.last_emit_lateness
            .get_or_create(&of(job))
            .observe(seconds(lateness));
    }

    /// Another page is in the log: what it added.
    pub fn page_done(&self, job: Job, page: Counts) {
        let add = |counters: &Counters<1>, count| counters.get_or_create(&of(job)).inc_by(count);
        add(&self.rows_read, page.read);
        add(&self.events_emitted, page.emitted);
        add(&self.events_already_emitted, page.already_emitted);
        add(&self.rows_skipped, page.skipped);
    }

    /// Scheduled instants were recorded as skipped.
    pub fn skipped_instants(&self, job: Job, reason: &'static str, instants: u64) {
        self.instants_skipped
            .get_or_create(&[("job", job.as_str()), ("reason", reason)])
            .inc_by(instants);
    }
}

/// An attempt that is going on. Dropped without a result, it only stops counting as running.
#[derive(Debug)]
pub struct Running {
    job: Job,
    metrics: Metrics,
}

impl Running {
    /// The attempt is over.
    pub fn ended(self, result: RunResult, took: Duration) {
        self.metrics.runs.get_or_create(&ended(self.job, result)).inc();
        self.metrics
            .run_duration
            .get_or_create(&of(self.job))
            .observe(took.as_secs_f64());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.metrics.running.get_or_create(&of(self.job)).dec();
    }
}

fn of(job: Job) -> Labels<1> {
    [("job", job.as_str())]
}

fn ended(job: Job, result: RunResult) -> Labels<2> {
    [("job", job.as_str()), ("result", result.as_str())]
}

/// A run for an instant to come is not early: people ask for those.
fn seconds(lateness: TimeDelta) -> f64 {
    lateness.to_std().unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(metrics: &Metrics) -> String {
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn every_job_has_its_series_before_anything_has_run() {
        let text = shown(&Metrics::default());
        for job in Job::ALL {
            for series in [
                format!("lastcall_scheduler_rows_read_total{{job=\"{job}\"}} 0\n"),
                format!("lastcall_scheduler_events_emitted_total{{job=\"{job}\"}} 0\n"),
                format!("lastcall_scheduler_events_already_emitted_total{{job=\"{job}\"}} 0\n"),
                format!("lastcall_scheduler_rows_skipped_total{{job=\"{job}\"}} 0\n"),
                format!("lastcall_scheduler_running{{job=\"{job}\"}} 0\n"),
                format!("lastcall_scheduler_runs_total{{job=\"{job}\",result=\"failed\"}} 0\n"),
                format!("lastcall_scheduler_first_emit_lateness_seconds_count{{job=\"{job}\"}} 0\n"),
                format!("lastcall_scheduler_last_emit_lateness_seconds_count{{job=\"{job}\"}} 0\n"),
                format!("lastcall_scheduler_run_duration_seconds_count{{job=\"{job}\"}} 0\n"),
            ] {
                assert!(text.contains(&series), "{series} in\n{text}");
            }
        }
    }

    #[test]
    fn a_run_is_counted_by_its_job_and_its_result_and_runs_only_until_it_ends() {
        let metrics = Metrics::default();
        let running = metrics.run_began(Job::AlertDue);
        let cut_off = metrics.run_began(Job::AlertDue);
        assert!(shown(&metrics).contains("_running{job=\"alert-due\"} 2\n"));
        metrics.first_emit(Job::AlertDue, TimeDelta::seconds(4));
        metrics.last_emit(Job::AlertDue, TimeDelta::seconds(-4));
        let page = Counts {
            read: 7,
            emitted: 3,
            already_emitted: 2,
            skipped: 1,
        };
        metrics.page_done(Job::AlertDue, page);
        metrics.skipped_instants(Job::AlertDue, "grace", 12);
        running.ended(RunResult::Interrupted, Duration::from_millis(20));
        drop(cut_off);

        let text = shown(&metrics);
        for series in [
            "_running{job=\"alert-due\"} 0\n",
            "_runs_total{job=\"alert-due\",result=\"interrupted\"} 1\n",
            "_rows_read_total{job=\"alert-due\"} 7\n",
            "_events_emitted_total{job=\"alert-due\"} 3\n",
            "_events_already_emitted_total{job=\"alert-due\"} 2\n",
            "_rows_skipped_total{job=\"alert-due\"} 1\n",
            "_instants_skipped_total{job=\"alert-due\",reason=\"grace\"} 12\n",
            "_first_emit_lateness_seconds_bucket{le=\"2.5\",job=\"alert-due\"} 0\n",
            "_first_emit_lateness_seconds_bucket{le=\"5.0\",job=\"alert-due\"} 1\n",
            "_last_emit_lateness_seconds_sum{job=\"alert-due\"} 0.0\n",
            "_run_duration_seconds_bucket{le=\"0.05\",job=\"alert-due\"} 1\n",
            "_run_duration_seconds_count{job=\"alert-due\"} 1\n",
            "_runs_total{job=\"coupon-expiring\",result=\"interrupted\"} 0\n",
        ] {
            assert!(text.contains(series), "{series} in\n{text}");
        }
    }
}
