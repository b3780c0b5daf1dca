//! The jobs: what each reads, what it makes of a row and what it does around that.

mod alert_due;
mod coupon_expiring;
mod funding_closing;
mod funding_settlement;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use domain::notice::BadRow;
use domain::occurrence::Occurrence;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::StoreError;

pub(crate) use alert_due::AlertDue;
pub(crate) use coupon_expiring::CouponExpiring;
pub(crate) use funding_closing::FundingClosing;
pub(crate) use funding_settlement::FundingSettlement;

/// A job, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Job {
    /// Tells holders of coupons that expire.
    CouponExpiring,
    /// Tells followers of fundings that close.
    FundingClosing,
    /// Settles fundings past their deadline and tells everybody concerned.
    FundingSettlement,
    /// Fires the reminders that people set for a time of day.
    AlertDue,
}

/// A name that is no job's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no job {name:?}; there are {}", known_jobs())]
pub struct UnknownJob {
    name: String,
}

fn known_jobs() -> String {
    Job::ALL.map(Job::as_str).join(", ")
}

impl Job {
    /// Every job.
    pub const ALL: [Self; 4] = [
        Self::CouponExpiring,
        Self::FundingClosing,
        Self::FundingSettlement,
        Self::AlertDue,
    ];

    /// The name that people, tables and routes use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CouponExpiring => "coupon-expiring",
            Self::FundingClosing => "funding-closing",
            Self::FundingSettlement => "funding-settlement",
            Self::AlertDue => "alert-due",
        }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Job {
    type Err = UnknownJob;

    fn from_str(name: &str) -> Result<Self, UnknownJob> {
        Self::ALL
            .into_iter()
            .find(|job| job.as_str() == name)
            .ok_or_else(|| UnknownJob {
                name: name.to_owned(),
            })
    }
}

/// The instants that a run is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunScope {
    /// What it was scheduled for.
    pub(crate) scheduled_at: DateTime<Utc>,
    /// The instant up to which earlier runs have done the work.
    pub(crate) window_start: DateTime<Utc>,
}

/// Rows that are worked on together.
pub(crate) struct Page<Row, Key> {
    pub(crate) rows: Vec<Row>,
    /// Rows that could not be read as what they should be.
    pub(crate) bad: Vec<BadRow>,
    /// What this page reads to its end, for `appended` to mark as done.
    pub(crate) completed: Vec<String>,
    /// Where the next page begins; nothing when this is the last one.
    pub(crate) next: Option<Key>,
}

/// What a job does. The engine calls `prepare` once for each attempt, then for each page `read`, `events` for each of its
/// rows, and `appended` when the log has acknowledged all of them.
pub(crate) trait Steps: Send + Sync + 'static {
    type Row: Send + Sync;
    /// Where a page begins; stored as the run's checkpoint.
    type Key: Serialize + DeserializeOwned + Clone + Send + Sync;

    /// Changes the state that rows are then read from, and says of which rows it could not. Must find out for itself what
    /// an earlier attempt has done.
    fn prepare(&self, _run: RunScope) -> impl Future<Output = Result<Vec<BadRow>, StoreError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// About how many rows there are to read in all, where that can be known cheaply.
    fn total(&self, _run: RunScope) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send {
        async { Ok(None) }
    }

    /// The earliest instant at which another run may have emitted what this one finds. When the log has forgotten what
    /// was appended then, the notification table is asked instead.
    fn earliest_emission(
        &self,
        run: RunScope,
    ) -> impl Future<Output = Result<DateTime<Utc>, StoreError>> + Send {
        async move { Ok(run.scheduled_at) }
    }

    /// The rows after `key`.
    fn read(
        &self,
        run: RunScope,
        key: Option<Self::Key>,
    ) -> impl Future<Output = Result<Page<Self::Row, Self::Key>, StoreError>> + Send;

    /// Pure: what a row calls for.
    fn events(&self, run: RunScope, row: &Self::Row) -> Result<Vec<Occurrence>, BadRow>;

    /// Everything of a page is in the log; `completed` is what the page said it reads to its end.
    fn appended(
        &self,
        _run: RunScope,
        _completed: &[String],
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        async { Ok(()) }
    }
}

/// A row whose time lies in a window of some days is found first by the run so many days before.
fn days_before(run: RunScope, lead_days: u32) -> DateTime<Utc> {
    run.scheduled_at - TimeDelta::days(i64::from(lead_days) + 1)
}

/// A page of a reader that gives `limit` rows as long as there are that many.
fn page_of<Row, Key>(rows: Vec<Row>, limit: u64, key: impl Fn(&Row) -> Key) -> Page<Row, Key> {
    let full = rows.len() as u64 >= limit;
    let next = rows.last().filter(|_| full).map(key);
    Page {
        rows,
        bad: Vec::new(),
        completed: Vec::new(),
        next,
    }
}
