//! What becomes of scheduled instants: which of them run, and why the others do not.
//!
//! An instant that is found soon enough (see [`Misfire::on_time`]) runs under every policy. The others are missed: the
//! process was down, the machine slept, the job was paused, or the run before took longer than the schedule allows. The
//! job's [`Policy`] decides about those, and every one of them ends as a run or within a [`Skip`], never in neither and
//! never in both.
//!
//! A plan looks at 10,000 instants and says how far it came, so that a job of every second that was down for a month
//! takes many short transactions and not one endless one. Under [`Policy::RunOnce`] the one instant that stands for the
//! missed ones is found beforehand by a search from the end; taking the last of the instants looked at would run one for
//! each plan.

use std::fmt;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::schedule::Schedule;

/// The most instants that one plan looks at.
pub const INSTANTS_PER_PLAN: usize = 10_000;

/// What is done about missed instants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// One run stands for all of them: the next that is on time, or the latest missed one where none is.
    #[default]
    RunOnce,
    /// Each has its run, the earliest first.
    RunAll,
    /// None has a run.
    Skip,
}

/// A job's rule for late instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misfire {
    /// What is done about missed instants.
    pub policy: Policy,
    /// How late a missed instant may be found and still have a run, whatever the policy.
    pub grace: TimeDelta,
    /// How late an instant may be found without counting as missed.
    pub on_time: TimeDelta,
}

/// What is to be accounted for: the instants after one and up to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Every instant up to here has its run or its skip.
    pub accounted_until: DateTime<Utc>,
    /// The instant at which they are found.
    pub now: DateTime<Utc>,
    /// From when until when the job was paused, the second not included. It decides nothing; skips only say so.
    pub paused: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// The fate of each instant after [`Gap::accounted_until`] and up to [`Plan::accounted_until`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Those that run, in order.
    pub runs: Vec<DateTime<Utc>>,
    /// Those that do not, in order. Neighbours with one reason, and equally paused or not, are one range.
    pub skips: Vec<Skip>,
    /// How far the plan came: to [`Gap::now`], or to the last instant looked at where there were too many.
    pub accounted_until: DateTime<Utc>,
}

/// Scheduled instants in a row that have no run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// The first of them.
    pub first: DateTime<Utc>,
    /// The last of them, the first itself where there is one only.
    pub last: DateTime<Utc>,
    /// How many they are.
    pub instants: u64,
    /// Why they have no run.
    pub reason: SkipReason,
    /// Whether they were scheduled while the job was paused.
    pub paused: bool,
}

/// Why scheduled instants have no run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// One later run stands for all that were missed.
    Superseded {
        /// The instant of that run. Where there were more instants than one plan looks at, time has passed until the
        /// last plan, and a still later instant may in turn have superseded this one.
        by: DateTime<Utc>,
    },
    /// Missed, and the policy is to skip.
    Policy,
    /// Missed by more than the grace period.
    Grace,
}

impl SkipReason {
    /// The stable name that is stored. The instant of [`Self::Superseded`] is stored beside it: see
    /// [`Self::superseded_by`].
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Superseded { .. } => "superseded",
            Self::Policy => "policy",
            Self::Grace => "grace",
        }
    }

    /// The instant that is stored beside the name.
    pub fn superseded_by(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Superseded { by } => Some(by),
            Self::Policy | Self::Grace => None,
        }
    }

    /// Reads what [`Self::as_str`] and [`Self::superseded_by`] gave; nothing else is a reason.
    pub fn parse(name: &str, superseded_by: Option<DateTime<Utc>>) -> Option<Self> {
        match (name, superseded_by) {
            ("superseded", Some(by)) => Some(Self::Superseded { by }),
            ("policy", None) => Some(Self::Policy),
            ("grace", None) => Some(Self::Grace),
            _ => None,
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Superseded { by } => {
                let by = by.to_rfc3339_opts(SecondsFormat::AutoSi, true);
                write!(f, "the run of {by} stands for it")
            }
            Self::Policy => f.write_str("the policy is skip"),
            Self::Grace => f.write_str("found later than the grace period allows"),
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.instants {
            1 => f.write_str("missed")?,
            instants => write!(f, "{instants} instants missed")?,
        }
        let paused = if self.paused { " while paused" } else { "" };
        write!(f, "{paused}: {}", self.reason)
    }
}

/// Decides about the instants of the gap, the earliest 10,000 of them.
///
/// Nothing is decided about a `now` that lies before what is accounted for already: a clock that was set back gives an
/// empty plan.
pub fn plan(schedule: &Schedule, misfire: &Misfire, gap: &Gap) -> Plan {
    let judge = Judge::new(schedule, misfire, gap);
    let mut plan = Plan {
        runs: Vec::new(),
        skips: Vec::new(),
        accounted_until: gap.accounted_until.max(gap.now),
    };
    let mut previous = None;
    for (count, instant) in schedule.between(gap.accounted_until, gap.now).enumerate() {
        if count == INSTANTS_PER_PLAN {
            plan.accounted_until = previous.unwrap_or(gap.accounted_until);
            break;
        }
        match judge.reason_to_skip(instant) {
            None => plan.runs.push(instant),
            Some(reason) => plan.skip(instant, reason, gap.was_paused_at(instant), previous),
        }
        previous = Some(instant);
    }
    plan
}

impl Gap {
    fn was_paused_at(&self, instant: DateTime<Utc>) -> bool {
        self.paused
            .is_some_and(|(from, to)| from <= instant && instant < to)
    }
}

impl Plan {
    /// Adds the instant to the last range if that ends at the `previous` instant and says the same.
    fn skip(
        &mut self,
        instant: DateTime<Utc>,
        reason: SkipReason,
        paused: bool,
        previous: Option<DateTime<Utc>>,
    ) {
        if let Some(range) = self.skips.last_mut()
            && Some(range.last) == previous
            && (range.reason, range.paused) == (reason, paused)
        {
            range.last = instant;
            range.instants += 1;
            return;
        }
        self.skips.push(Skip {
            first: instant,
            last: instant,
            instants: 1,
            reason,
            paused,
        });
    }
}

/// What decides about one instant, whichever others the plan looks at.
struct Judge<'a> {
    misfire: &'a Misfire,
    now: DateTime<Utc>,
    /// The instant whose run stands for the missed ones under [`Policy::RunOnce`].
    representative: Option<DateTime<Utc>>,
}

impl<'a> Judge<'a> {
    fn new(schedule: &Schedule, misfire: &'a Misfire, gap: &Gap) -> Self {
        let mut judge = Self {
            misfire,
            now: gap.now,
            representative: None,
        };
        if misfire.policy == Policy::RunOnce {
            judge.representative = judge.find_representative(schedule);
        }
        judge
    }

    /// The first instant that is on time, else the latest missed one if it is within grace.
    fn find_representative(&self, schedule: &Schedule) -> Option<DateTime<Utc>> {
        let before_on_time = self
            .now
            .checked_sub_signed(self.misfire.on_time)
            .and_then(|earliest| earliest.checked_sub_signed(TimeDelta::nanoseconds(1)))
            .unwrap_or(DateTime::<Utc>::MIN_UTC);
        let on_time = schedule.between(before_on_time, self.now).next();
        on_time.or_else(|| {
            let latest_missed = schedule.last_before(self.now)?;
            (self.lateness(latest_missed) <= self.misfire.grace).then_some(latest_missed)
        })
    }

    fn lateness(&self, instant: DateTime<Utc>) -> TimeDelta {
        self.now - instant
    }

    fn reason_to_skip(&self, instant: DateTime<Utc>) -> Option<SkipReason> {
        let lateness = self.lateness(instant);
        if lateness <= self.misfire.on_time {
            return None;
        }
        match self.misfire.policy {
            Policy::Skip => Some(SkipReason::Policy),
            Policy::RunAll => (lateness > self.misfire.grace).then_some(SkipReason::Grace),
            Policy::RunOnce => match self.representative {
                Some(by) if by == instant => None,
                Some(by) => Some(SkipReason::Superseded { by }),
                None => Some(SkipReason::Grace),
            },
        }
    }
}
