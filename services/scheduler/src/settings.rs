use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use chrono_tz::Tz;
use domain::misfire::{Misfire, Policy};
use domain::schedule::{RepeatedHour, Schedule, ScheduleError, SkippedHour, Timing, WeekdayNumbers};
use domain::settlement::{Reward, RewardError};
use serde::Deserialize;

use crate::engine::JobPlan;
use crate::jobs::Job;

/// What is scheduled when. The defaults with their meaning are in the binary's `default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The zone whose clocks and calendar the jobs go by.
    pub zone: Tz,
    /// Rows that are read, turned into events and acknowledged together.
    pub chunk_rows: u64,
    /// The longest that a run for an old instant waits for the notification table to catch up with the log.
    #[serde(with = "humantime_serde")]
    pub table_wait: Duration,
    /// How late an instant may be found without counting as missed.
    #[serde(with = "humantime_serde")]
    pub on_time: Duration,
    /// For how long a run is its owner's after the owner was last heard of.
    #[serde(with = "humantime_serde")]
    pub lease: Duration,
    /// How many rows one run may leave out before it fails.
    pub skip_limit: u64,
    /// For how long the history of runs is kept.
    #[serde(with = "humantime_serde")]
    pub history: Duration,
    /// The job `coupon-expiring`.
    pub coupon_expiring: CouponExpiring,
    /// The job `funding-closing`.
    pub funding_closing: FundingClosing,
    /// The job `funding-settlement`.
    pub funding_settlement: FundingSettlement,
    /// The job `alert-due`.
    pub alert_due: AlertDue,
}

/// When a job runs, and what is done about instants at which it could not.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSchedule {
    /// Cron with seconds: sec min hour day month weekday \[year\].
    pub cron: String,
    /// The zone whose clocks the expression is about; [`Settings::zone`] where there is none.
    pub zone: Option<Tz>,
    /// What the numbers of weekdays mean.
    #[serde(default)]
    pub weekdays: WeekdayNumbers,
    /// What becomes of a time that the clock skips.
    #[serde(default)]
    pub skipped_hour: SkippedHour,
    /// What becomes of a time that the clock shows twice.
    #[serde(default)]
    pub repeated_hour: RepeatedHour,
    /// What is done about missed instants.
    pub misfire: Policy,
    /// How late a missed instant may still be run.
    #[serde(with = "humantime_serde")]
    pub grace: Duration,
}

/// Reminds of coupons.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CouponExpiring {
    /// When it runs.
    pub schedule: JobSchedule,
    /// How many days ahead it looks: 1 is today and tomorrow.
    pub lead_days: u32,
}

/// Reminds of fundings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FundingClosing {
    /// When it runs.
    pub schedule: JobSchedule,
    /// How many days ahead it looks: 1 is today and tomorrow.
    pub lead_days: u32,
}

/// Settles fundings whose deadline has passed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FundingSettlement {
    /// When it runs.
    pub schedule: JobSchedule,
    /// For how many days from the deadline a backer's coupon can be used.
    pub coupon_valid_days: u32,
    /// What such a coupon is worth, in major units, by the currency of the funding. Where there is none for a currency, its
    /// coupons state no amount.
    #[serde(default)]
    pub coupon_amounts: BTreeMap<String, String>,
}

/// Fires reminders.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertDue {
    /// When it runs.
    pub schedule: JobSchedule,
    /// How far back it looks, in hours, when earlier runs are missing. A reminder that is later than that is not sent.
    pub catch_up_hours: u32,
}

/// Why the settings make no sense.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A cron expression is wrong.
    #[error("scheduler.{section}.schedule.cron")]
    Cron {
        /// Whose.
        section: String,
        /// Why.
        source: ScheduleError,
    },
    /// An amount is wrong.
    #[error("scheduler.funding_settlement.coupon_amounts")]
    Amounts(#[from] RewardError),
    /// A number is out of range.
    #[error("scheduler.{key} is {found}, which is not between {least} and {most}")]
    Range {
        /// Which setting.
        key: String,
        /// What it is.
        found: u64,
        /// The least it may be.
        least: u64,
        /// The most it may be.
        most: u64,
    },
}

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

impl Settings {
    /// Checks what no type can say and reads every schedule.
    pub fn plans(&self) -> Result<BTreeMap<Job, JobPlan>, SettingsError> {
        in_range("chunk_rows", self.chunk_rows, 1, 10_000)?;
        in_range("on_time (in seconds)", self.on_time.as_secs(), 1, DAY)?;
        in_range("lease (in seconds)", self.lease.as_secs(), 3, 60 * MINUTE)?;
        // Shorter than the catch-up of alert-due, it would forget what that goes on from.
        in_range(
            "history (in seconds)",
            self.history.as_secs(),
            8 * DAY,
            3660 * DAY,
        )?;
        let leads = [
            ("coupon_expiring", self.coupon_expiring.lead_days),
            ("funding_closing", self.funding_closing.lead_days),
        ];
        for (section, days) in leads {
            in_range(&format!("{section}.lead_days"), days.into(), 0, 366)?;
        }
        in_range(
            "funding_settlement.coupon_valid_days",
            self.funding_settlement.coupon_valid_days.into(),
            1,
            3660,
        )?;
        in_range(
            "alert_due.catch_up_hours",
            self.alert_due.catch_up_hours.into(),
            1,
            7 * 24,
        )?;
        Job::ALL.iter().map(|job| Ok((*job, self.plan(*job)?))).collect()
    }

    /// What backers of a funding that succeeds are given.
    pub(crate) fn reward(&self) -> Result<Reward, RewardError> {
        let FundingSettlement {
            coupon_valid_days,
            coupon_amounts,
            ..
        } = &self.funding_settlement;
        Reward::new(TimeDelta::days((*coupon_valid_days).into()), coupon_amounts)
    }

    fn plan(&self, job: Job) -> Result<JobPlan, SettingsError> {
        let schedule = match job {
            Job::CouponExpiring => &self.coupon_expiring.schedule,
            Job::FundingClosing => &self.funding_closing.schedule,
            Job::FundingSettlement => &self.funding_settlement.schedule,
            Job::AlertDue => &self.alert_due.schedule,
        };
        let timing = Timing {
            zone: schedule.zone.unwrap_or(self.zone),
            weekdays: schedule.weekdays,
            skipped_hour: schedule.skipped_hour,
            repeated_hour: schedule.repeated_hour,
        };
        let misfire = Misfire {
            policy: schedule.misfire,
            grace: span(schedule.grace),
            on_time: span(self.on_time),
        };
        let parsed = Schedule::new(&schedule.cron, timing).map_err(|source| SettingsError::Cron {
            section: job.as_str().replace('-', "_"),
            source,
        })?;
        Ok(JobPlan {
            schedule: parsed,
            misfire,
        })
    }
}

fn span(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

fn in_range(key: &str, found: u64, least: u64, most: u64) -> Result<(), SettingsError> {
    if (least..=most).contains(&found) {
        Ok(())
    } else {
        Err(SettingsError::Range {
            key: key.to_owned(),
            found,
            least,
            most,
        })
    }
}
