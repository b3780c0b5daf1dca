use std::collections::BTreeMap;
use std::time::Duration;

use chrono_tz::Tz;
use domain::schedule::{Schedule, ScheduleError};
use serde::Deserialize;

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
    /// The job `coupon-expiring`.
    pub coupon_expiring: CouponExpiring,
    /// The job `funding-closing`.
    pub funding_closing: FundingClosing,
    /// The job `funding-settlement`.
    pub funding_settlement: FundingSettlement,
    /// The job `alert-due`.
    pub alert_due: AlertDue,
}

/// Reminds of coupons.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CouponExpiring {
    /// When it runs.
    pub cron: String,
    /// How many days ahead it looks: 1 is today and tomorrow.
    pub lead_days: u32,
}

/// Reminds of fundings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FundingClosing {
    /// When it runs.
    pub cron: String,
    /// How many days ahead it looks: 1 is today and tomorrow.
    pub lead_days: u32,
}

/// Settles fundings whose deadline has passed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FundingSettlement {
    /// When it runs.
    pub cron: String,
    /// For how many days from the deadline a backer's coupon can be used.
    pub coupon_valid_days: u32,
}

/// Fires reminders.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertDue {
    /// When it runs.
    pub cron: String,
    /// How far back it looks, in hours, when earlier runs are missing. A reminder that is later than that is not sent.
    pub catch_up_hours: u32,
}

/// Why the settings make no sense.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A cron expression is wrong.
    #[error("scheduler.{section}.cron")]
    Cron {
        /// Whose.
        section: String,
        /// Why.
        source: ScheduleError,
    },
    /// A number is out of range.
    #[error("scheduler.{key} is {found}, which is not between {least} and {most}")]
    Range {
        /// Which setting.
        key: &'static str,
        /// What it is.
        found: u64,
        /// The least it may be.
        least: u64,
        /// The most it may be.
        most: u64,
    },
}

impl Settings {
    /// Checks what no type can say and reads every schedule.
    pub fn schedules(&self) -> Result<BTreeMap<Job, Schedule>, SettingsError> {
        in_range("chunk_rows", self.chunk_rows, 1, 10_000)?;
        in_range(
            "coupon_expiring.lead_days",
            self.coupon_expiring.lead_days.into(),
            0,
            366,
        )?;
        in_range(
            "funding_closing.lead_days",
            self.funding_closing.lead_days.into(),
            0,
            366,
        )?;
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
        Job::ALL
            .iter()
            .map(|job| Ok((*job, self.schedule(*job)?)))
            .collect()
    }

    fn schedule(&self, job: Job) -> Result<Schedule, SettingsError> {
        let expression = match job {
            Job::CouponExpiring => &self.coupon_expiring.cron,
            Job::FundingClosing => &self.funding_closing.cron,
            Job::FundingSettlement => &self.funding_settlement.cron,
            Job::AlertDue => &self.alert_due.cron,
        };
        Schedule::parse(expression, self.zone).map_err(|source| SettingsError::Cron {
            section: job.as_str().replace('-', "_"),
            source,
        })
    }
}

fn in_range(key: &'static str, found: u64, least: u64, most: u64) -> Result<(), SettingsError> {
    if (least..=most).contains(&found) {
        Ok(())
    } else {
        Err(SettingsError::Range {
            key,
            found,
            least,
            most,
        })
    }
}
