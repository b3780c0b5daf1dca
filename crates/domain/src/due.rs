//! Which instants a run is about.

use chrono::{DateTime, Days, LocalResult, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// Instants after one and up to and including another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueWindow {
    /// The last instant before the window.
    pub after: DateTime<Utc>,
    /// The last instant of the window.
    pub until: DateTime<Utc>,
}

impl DueWindow {
    /// From `instant` to the end of the local day that is `lead_days` later: with 1, today and tomorrow.
    pub fn days_ahead(instant: DateTime<Utc>, lead_days: u32, zone: Tz) -> Self {
        let today = instant.with_timezone(&zone).date_naive();
        let last = today
            .checked_add_days(Days::new(lead_days.into()))
            .unwrap_or(chrono::NaiveDate::MAX);
        Self {
            after: instant,
            until: end_of_day(last, zone),
        }
    }

    /// Whether the instant lies in the window.
    pub fn contains(&self, instant: DateTime<Utc>) -> bool {
        self.after < instant && instant <= self.until
    }
}

/// The last second of a day on a clock in `zone`: what a deadline means that is given as a date.
pub fn end_of_day(date: chrono::NaiveDate, zone: Tz) -> DateTime<Utc> {
    let next = date.succ_opt().unwrap_or(chrono::NaiveDate::MAX);
    first_instant_at(next.and_time(NaiveTime::MIN), zone) - TimeDelta::seconds(1)
}

/// The first instant at which a clock in `zone` shows `local`, or a later time where the clock skips it.
pub fn first_instant_at(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => instant.to_utc(),
        LocalResult::None => first_instant_after_gap(local, zone),
    }
}

/// Clocks are put forward by a whole number of minutes, and never by more than a day.
fn first_instant_after_gap(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    let mut existing = local;
    for _ in 0..=24 * 60 {
        existing += TimeDelta::minutes(1);
        if let Some(instant) = zone.from_local_datetime(&existing).earliest() {
            return instant.to_utc();
        }
    }
    local.and_utc()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn one_day_ahead_is_today_and_tomorrow_on_the_local_clock() {
        let window = DueWindow::days_ahead(utc("2026-11-21T00:00:00Z"), 1, chrono_tz::Asia::Seoul);
        assert_eq!(window.until, utc("2026-11-22T14:59:59Z"));
        assert!(!window.contains(window.after) && window.contains(window.until));
    }

    #[test]
    fn a_day_ends_a_second_before_the_next_begins_also_where_midnight_does_not_exist() {
        let date = NaiveDate::from_ymd_opt(2026, 4, 23).unwrap();
        // Egypt skips midnight of 24 April 2026: that day begins at 01:00, which is 22:00 UTC.
        assert_eq!(
            end_of_day(date, chrono_tz::Africa::Cairo),
            utc("2026-04-23T21:59:59Z")
        );
    }

    #[test]
    fn a_time_that_exists_twice_means_the_first_and_one_that_is_skipped_the_end_of_the_gap() {
        let zone = chrono_tz::Europe::Berlin;
        let at = |text: &str| first_instant_at(text.parse().unwrap(), zone);
        assert_eq!(at("2026-10-25T02:30:00"), utc("2026-10-25T00:30:00Z"));
        assert_eq!(at("2026-03-29T02:30:00"), utc("2026-03-29T01:00:00Z"));
    }
}
