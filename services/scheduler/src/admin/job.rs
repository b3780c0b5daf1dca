use chrono::{DateTime, Utc};
use domain::misfire::Policy;
use domain::schedule::WeekdayNumbers;
use serde::Serialize;
use store::job_runs::{JobState, RunRecord};
use utoipa::ToSchema;

use super::run::RunSummary;
use crate::engine::JobPlan;
use crate::jobs::Job;

/// How many instants to come are shown.
const INSTANTS_SHOWN: usize = 3;

/// A job, when it runs and how it went last.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct JobSummary {
    /// The name.
    #[schema(example = "coupon-expiring")]
    pub name: &'static str,
    /// Cron with seconds: sec min hour day month weekday \[year\].
    #[schema(example = "0 0 9 * * *")]
    pub cron: String,
    /// The IANA time zone whose clocks the expression is about.
    #[schema(example = "Asia/Seoul")]
    pub zone: String,
    /// What the numbers of weekdays in it mean: `posix` or `quartz`.
    #[schema(value_type = String, example = "posix")]
    pub weekdays: WeekdayNumbers,
    /// What is done about missed instants: `run_once`, `run_all` or `skip`.
    #[schema(value_type = String, example = "run_once")]
    pub misfire: Policy,
    /// How late a missed instant may still be run, in seconds.
    pub grace_seconds: i64,
    /// The next scheduled instants, three at the most.
    pub next: Vec<DateTime<Utc>>,
    /// Since when the job begins no runs by itself; absent where it is not paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_since: Option<DateTime<Utc>>,
    /// Every scheduled instant up to here has its run or its skip; absent before a scheduler has seen the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounted_until: Option<DateTime<Utc>>,
    /// The run for the latest instant; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run: Option<RunSummary>,
}

impl JobSummary {
    pub(super) fn new(
        job: Job,
        plan: &JobPlan,
        state: Option<&JobState>,
        last_run: Option<RunRecord>,
        now: DateTime<Utc>,
    ) -> Self {
        let JobPlan { schedule, misfire } = plan;
        let next = std::iter::successors(schedule.next_after(now), |instant| schedule.next_after(*instant));
        Self {
            name: job.as_str(),
            cron: schedule.cron().to_owned(),
            zone: schedule.zone().to_string(),
            weekdays: schedule.weekdays(),
            misfire: misfire.policy,
            grace_seconds: misfire.grace.num_seconds(),
            next: next.take(INSTANTS_SHOWN).collect(),
            paused_since: state.and_then(|state| state.paused_since),
            accounted_until: state.map(|state| state.accounted_until),
            last_run: last_run.map(|run| RunSummary::new(run, now)),
        }
    }
}
