//! Which local times an expression matches, on a clock that is never changed.

use std::fmt;

use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use croner::{CronComponent, CronPattern, Weekday};

use super::YEARS;

/// The matching times of a day, as sets of numbers, and the matching days.
#[derive(Clone)]
pub(super) struct Pattern {
    seconds: Numbers,
    minutes: Numbers,
    hours: Numbers,
    hour_kind: HourKind,
    dates: CronPattern,
}

/// What a job goes by when the clock is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HourKind {
    /// It is wanted at certain hours of the day.
    Fixed,
    /// It is wanted at an interval.
    Running,
}

/// A set of numbers below 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Numbers(u64);

impl Pattern {
    /// Nothing if no time of day or no date can match.
    pub(super) fn new(dates: CronPattern, hour_kind: HourKind) -> Option<Self> {
        let hours = Numbers::of(&dates.hours);
        let every_hour = hours.0.count_ones() == 24;
        let pattern = Self {
            seconds: Numbers::of(&dates.seconds),
            minutes: Numbers::of(&dates.minutes),
            hours,
            hour_kind: if every_hour { HourKind::Running } else { hour_kind },
            dates,
        };
        let beginning = NaiveDate::from_ymd_opt(*YEARS.start(), 1, 1)?;
        pattern.first_from(beginning.and_time(NaiveTime::MIN))?;
        Some(pattern)
    }

    pub(super) fn has_fixed_hours(&self) -> bool {
        self.hour_kind == HourKind::Fixed
    }

    /// The first matching time that is not before this one.
    pub(super) fn first_from(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        if self.matches(local.date())
            && let Some(time) = self.first_time(local.time())
        {
            return Some(local.date().and_time(time));
        }
        let date = self.first_date(local.date().succ_opt()?)?;
        Some(date.and_time(self.first_time(NaiveTime::MIN)?))
    }

    /// The last matching time that is not after this one.
    pub(super) fn last_until(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        if self.matches(local.date())
            && let Some(time) = self.last_time(local.time())
        {
            return Some(local.date().and_time(time));
        }
        let date = self.last_date(local.date().pred_opt()?)?;
        Some(date.and_time(self.last_time(NaiveTime::from_hms_opt(23, 59, 59)?)?))
    }

    fn first_time(&self, from: NaiveTime) -> Option<NaiveTime> {
        let (hour, minute, second) = (from.hour(), from.minute(), from.second());
        if self.hours.has(hour) {
            if self.minutes.has(minute)
                && let Some(second) = self.seconds.first_from(second)
            {
                return NaiveTime::from_hms_opt(hour, minute, second);
            }
            if let Some(minute) = self.minutes.first_from(minute + 1) {
                return NaiveTime::from_hms_opt(hour, minute, self.seconds.first_from(0)?);
            }
        }
        let hour = self.hours.first_from(hour + 1)?;
        NaiveTime::from_hms_opt(hour, self.minutes.first_from(0)?, self.seconds.first_from(0)?)
    }

    fn last_time(&self, until: NaiveTime) -> Option<NaiveTime> {
        let (hour, minute, second) = (until.hour(), until.minute(), until.second());
        if self.hours.has(hour) {
            if self.minutes.has(minute)
                && let Some(second) = self.seconds.last_below(second + 1)
            {
                return NaiveTime::from_hms_opt(hour, minute, second);
            }
            if let Some(minute) = self.minutes.last_below(minute) {
                return NaiveTime::from_hms_opt(hour, minute, self.seconds.last_below(60)?);
            }
        }
        let hour = self.hours.last_below(hour)?;
        NaiveTime::from_hms_opt(hour, self.minutes.last_below(60)?, self.seconds.last_below(60)?)
    }

    /// Years and months that do not match are passed over as a whole.
    fn first_date(&self, from: NaiveDate) -> Option<NaiveDate> {
        let mut date = from.max(NaiveDate::from_ymd_opt(*YEARS.start(), 1, 1)?);
        while YEARS.contains(&date.year()) {
            date = if !self.matches_year(date) {
                NaiveDate::from_ymd_opt(date.year() + 1, 1, 1)?
            } else if !self.matches_month(date) {
                date.with_day(1)?.checked_add_months(Months::new(1))?
            } else if !self.matches_day(date) {
                date.succ_opt()?
            } else {
                return Some(date);
            };
        }
        None
    }

    fn last_date(&self, until: NaiveDate) -> Option<NaiveDate> {
        let mut date = until.min(NaiveDate::from_ymd_opt(*YEARS.end(), 12, 31)?);
        while YEARS.contains(&date.year()) {
            date = if !self.matches_year(date) {
                NaiveDate::from_ymd_opt(date.year() - 1, 12, 31)?
            } else if !self.matches_month(date) {
                date.checked_sub_days(Days::new(date.day().into()))?
            } else if !self.matches_day(date) {
                date.pred_opt()?
            } else {
                return Some(date);
            };
        }
        None
    }

    fn matches(&self, date: NaiveDate) -> bool {
        YEARS.contains(&date.year())
            && self.matches_year(date)
            && self.matches_month(date)
            && self.matches_day(date)
    }

    // None of these can fail for a date that exists.

    fn matches_year(&self, date: NaiveDate) -> bool {
        self.dates.year_match(date.year()).unwrap_or(false)
    }

    fn matches_month(&self, date: NaiveDate) -> bool {
        self.dates.month_match(date.month()).unwrap_or(false)
    }

    fn matches_day(&self, date: NaiveDate) -> bool {
        let weekday = Weekday::from_days_from_sunday(date.weekday().num_days_from_sunday());
        self.dates
            .day_match(date.year(), date.month(), date.day(), weekday)
            .unwrap_or(false)
    }
}

impl fmt::Debug for Pattern {
    /// Without the five thousand years that `croner` keeps a byte for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern")
            .field(&self.dates.as_str())
            .field(&self.hour_kind)
            .finish()
    }
}

impl Numbers {
    fn of(component: &CronComponent) -> Self {
        Self(component.values().iter().fold(0, |set, number| set | 1 << number))
    }

    fn has(self, number: u32) -> bool {
        self.0 & (1 << number) != 0
    }

    fn first_from(self, number: u32) -> Option<u32> {
        let rest = self.0 & (u64::MAX << number);
        (rest != 0).then(|| rest.trailing_zeros())
    }

    fn last_below(self, number: u32) -> Option<u32> {
        (self.0 & !(u64::MAX << number)).checked_ilog2()
    }
}
