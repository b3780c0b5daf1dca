//! When a job is scheduled: cron in a time zone.
//!
//! Expressions have seconds, then minutes, hours, day of month, month and day of week, and may end with a year. `L`, `W`,
//! `#`, `?`, lists, ranges, steps and names are understood. Weekdays are numbered as POSIX does: 0 and 7 are Sunday. Where
//! both days are restricted either one is enough, also as in POSIX.
//!
//! A fixed time that the clock skips is scheduled for the end of the gap, and one that the clock shows twice for the first
//! time only.

use std::fmt;

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};

/// The instants that a job is scheduled for.
#[derive(Debug, Clone)]
pub struct Schedule {
    cron: Cron,
    zone: Tz,
}

/// Why an expression is no schedule.
#[derive(Debug, thiserror::Error)]
#[error(
    "{expression:?} is no cron expression of the form \"sec min hour day month weekday [year]\": {reason}"
)]
pub struct ScheduleError {
    expression: String,
    reason: String,
}

impl Schedule {
    /// Reads a cron expression for clocks in `zone`.
    pub fn parse(expression: &str, zone: Tz) -> Result<Self, ScheduleError> {
        let refused = |reason: String| ScheduleError {
            expression: expression.to_owned(),
            reason,
        };
        let cron = CronParser::builder()
            .seconds(Seconds::Required)
            .build()
            .parse(expression)
            .map_err(|e| refused(e.to_string()))?;
        Ok(Self { cron, zone })
    }

    /// The zone whose clocks it goes by.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The expression.
    pub fn cron(&self) -> &str {
        self.cron.as_str()
    }

    /// The first instant after `instant`, if there is one.
    pub fn next_after(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let next = self
            .cron
            .find_next_occurrence(&instant.with_timezone(&self.zone), false)
            .ok()?;
        Some(next.to_utc())
    }

    /// The last instant before `instant`, if there is one.
    pub fn last_before(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // The search drops the fraction of a second, and would then leave out the instant on that very second.
        let whole = instant.with_nanosecond(0).filter(|whole| *whole < instant);
        let end = whole.map_or(instant, |whole| whole + TimeDelta::seconds(1));
        let last = self
            .cron
            .find_previous_occurrence(&end.with_timezone(&self.zone), false)
            .ok()?;
        Some(last.to_utc())
    }

    /// The instants after one and up to and including another, in order.
    pub fn between(
        &self,
        after: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> impl Iterator<Item = DateTime<Utc>> + '_ {
        std::iter::successors(self.next_after(after), |instant| self.next_after(*instant))
            .take_while(move |instant| *instant <= until)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.cron.as_str(), self.zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instants(expression: &str, zone: Tz, after: &str, until: &str) -> Vec<String> {
        let schedule = Schedule::parse(expression, zone).unwrap();
        let found = schedule.between(after.parse().unwrap(), until.parse().unwrap());
        found
            .map(|i| i.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
            .collect()
    }

    #[test]
    fn nine_in_the_morning_is_nine_on_the_local_clock() {
        let found = instants(
            "0 0 9 * * *",
            chrono_tz::Asia::Seoul,
            "2026-11-20T00:00:00Z",
            "2026-11-22T00:00:00Z",
        );
        assert_eq!(found, ["2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"]);
    }

    #[test]
    fn instants_stand_on_whole_seconds_wherever_the_search_begins() {
        let found = instants(
            "*/10 * * * * *",
            Tz::UTC,
            "2026-11-21T00:00:00.400Z",
            "2026-11-21T00:00:20.900Z",
        );
        assert_eq!(found, ["2026-11-21T00:00:10Z", "2026-11-21T00:00:20Z"]);
    }

    #[test]
    fn a_skipped_or_repeated_hour_schedules_a_daily_job_exactly_once() {
        let zone = chrono_tz::Europe::Berlin;
        let spring = instants(
            "0 30 2 * * *",
            zone,
            "2026-03-28T12:00:00Z",
            "2026-03-29T12:00:00Z",
        );
        assert_eq!(spring, ["2026-03-29T01:00:00Z"]);
        let autumn = instants(
            "0 30 2 * * *",
            zone,
            "2026-10-24T12:00:00Z",
            "2026-10-25T12:00:00Z",
        );
        assert_eq!(autumn, ["2026-10-25T00:30:00Z"]);
    }

    #[test]
    fn the_special_characters_of_quartz_are_understood() {
        let year = |expression| {
            instants(
                expression,
                Tz::UTC,
                "2026-01-01T00:00:00Z",
                "2026-03-31T00:00:00Z",
            )
        };
        assert_eq!(year("0 0 0 L 2 ?"), ["2026-02-28T00:00:00Z"]);
        assert_eq!(year("0 0 0 15W 2 ?"), ["2026-02-16T00:00:00Z"]);
        assert_eq!(year("0 0 0 ? 2 MON#2"), ["2026-02-09T00:00:00Z"]);
        assert_eq!(year("0 0 0 1 JAN-FEB ? 2026"), ["2026-02-01T00:00:00Z"]);
    }

    #[test]
    fn the_last_instant_before_one_is_found_too() {
        let schedule = Schedule::parse("0 */10 * * * *", Tz::UTC).unwrap();
        let found = |at: &str| {
            schedule
                .last_before(at.parse().unwrap())
                .map(|last| last.to_rfc3339())
        };
        assert_eq!(
            found("2026-11-21T00:10:00Z").as_deref(),
            Some("2026-11-21T00:00:00+00:00")
        );
        assert_eq!(
            found("2026-11-21T00:10:00.5Z").as_deref(),
            Some("2026-11-21T00:10:00+00:00")
        );
    }

    #[test]
    fn a_malformed_expression_is_quoted_and_explained() {
        for expression in ["", "* * * * *", "0 61 9 * * *", "every morning"] {
            let error = Schedule::parse(expression, Tz::UTC).unwrap_err().to_string();
            assert!(error.contains(&format!("{expression:?}")), "{error}");
        }
    }
}
