//! When a job is scheduled: cron in a time zone.
//!
//! # Expressions
//!
//! Seconds, minutes, hours, day of month, month and day of week, and at the end a year if wanted. Lists, ranges, steps,
//! names, `L`, `W`, `#` and `?` are understood. [`WeekdayNumbers`] says how weekdays are counted and what else goes with
//! it. `croner` reads the fields and matches dates.
//!
//! # Clock changes
//!
//! An expression speaks of what a clock on the wall shows, and the clock of a zone leaves times out (when it is put
//! forward) and shows others twice (when it is put back). What that means for a job is told by its hour field alone:
//!
//! - **Fixed hours**: values, ranges and ranges with a step, such as `9`, `2,14`, `8-18` or `0-12/3`. The job is wanted at
//!   these hours of every day that the other fields admit, whatever the clock does. A time that is left out is made up
//!   for at the end of the gap ([`SkippedHour`]), and one that is shown twice counts the first time ([`RepeatedHour`]).
//!   Several times left out by one gap, or one of them and a time at the end of the gap, are one instant. The day is the
//!   one that the time would have been on: 23:30 of a Saturday, left out by a gap until midnight, is made up for on
//!   Sunday at 00:00, and a whole day that a zone left out has its run at the first instant after it.
//! - **Running hours**: `*`, `*/2`, `0/2`, a list with one of these, or all 24. The job is wanted at an interval, and goes
//!   by what the clock shows from moment to moment: a time left out has no instant, one shown twice has two. A job of
//!   every ten minutes stays one of every ten minutes, also where the clock is changed by half an hour.
//!
//! These are the rules of Debian's cron with three differences, for the sake of "once on every day": minutes do not
//! matter (`*/10 2 * * *` has fixed hours here), all 24 hours written out are as good as `*`, and changes of three hours
//! and more are no exception.
//!
//! The search is a walk over local time of our own. That of `croner` 4 takes several fixed times for running ones, ends
//! for ever at a time more than two hours before the end of a gap (Antarctica/Casey in 2020), loses the run where a gap
//! reaches midnight and the next day does not match, and backwards passes over the last instant if that is less than a
//! second ago.

mod expression;
mod pattern;
mod zone;

use std::fmt;
use std::ops::RangeInclusive;

use chrono::{DateTime, NaiveDateTime, SubsecRound, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use pattern::Pattern;
use zone::{Change, REACH};

const SECOND: TimeDelta = TimeDelta::seconds(1);

/// Instants are looked for from 1970 to 2369, one whole cycle of the calendar: a date that is not found there never is.
const YEARS: RangeInclusive<i32> = 1970..=2369;
/// The first instant of those years, and the one after the last.
const BEGINNING: DateTime<Utc> = DateTime::UNIX_EPOCH;
const END: DateTime<Utc> = DateTime::from_timestamp(146_097 * 86_400, 0).expect("it is in range");

/// The instants that a job is scheduled for.
#[derive(Debug, Clone)]
pub struct Schedule {
    expression: String,
    pattern: Pattern,
    timing: Timing,
}

/// How an expression is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timing {
    /// The zone whose clocks it speaks of.
    pub zone: Tz,
    /// What the numbers of weekdays mean.
    pub weekdays: WeekdayNumbers,
    /// What becomes of a fixed time that the clock leaves out.
    pub skipped_hour: SkippedHour,
    /// What becomes of a fixed time that the clock shows twice.
    pub repeated_hour: RepeatedHour,
}

/// Whose numbers and habits the fields for days follow. Names mean the same in both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeekdayNumbers {
    /// 0 and 7 are Sunday, 1 is Monday. Where day of month and day of week are both restricted (not exactly `*` or `?`),
    /// either one is enough; with a `+` before the day of week, as in `+MON`, both are needed.
    #[default]
    Posix,
    /// 1 is Sunday, 7 is Saturday, alone, in lists, in ranges, with `#` and with `L`; `L` alone is Saturday. 0 is refused.
    /// As Quartz takes day of month and day of week together for unclear, one of the two has to be `?` (or `*`, which
    /// Quartz itself would refuse and which can mean one thing only), and not both are `?`. `a/n` is understood in every
    /// field: from a to the end, every n.
    Quartz,
}

/// What becomes of a fixed time that the clock leaves out when it is put forward.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkippedHour {
    /// It is made up for at the first instant after the gap.
    #[default]
    RunAfter,
    /// There is no run for it.
    Skip,
}

/// What becomes of a fixed time that the clock shows twice when it is put back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepeatedHour {
    /// The first time counts.
    #[default]
    Once,
    /// Both times count.
    Twice,
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
    /// Reads a cron expression. One that no date can ever match, such as the 30th of February, is an error too.
    pub fn new(expression: &str, timing: Timing) -> Result<Self, ScheduleError> {
        let pattern = expression::read(expression, timing.weekdays).map_err(|reason| ScheduleError {
            expression: expression.to_owned(),
            reason,
        })?;
        Ok(Self {
            expression: expression.to_owned(),
            pattern,
            timing,
        })
    }

    /// The zone whose clocks it goes by.
    pub fn zone(&self) -> Tz {
        self.timing.zone
    }

    /// The expression, as it was given.
    pub fn cron(&self) -> &str {
        &self.expression
    }

    /// What the numbers of weekdays in it mean.
    pub fn weekdays(&self) -> WeekdayNumbers {
        self.timing.weekdays
    }

    /// The first instant after `instant`, if there is one before the year 2370.
    pub fn next_after(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if instant >= END {
            return None;
        }
        self.first_from(instant.max(BEGINNING).trunc_subsecs(0) + SECOND)
    }

    /// The last instant before `instant`, if there is one after the year 1969.
    pub fn last_before(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if instant <= BEGINNING {
            return None;
        }
        let before = instant.min(END) - TimeDelta::nanoseconds(1);
        self.last_until(before.trunc_subsecs(0))
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

    /// Takes the offset as it is at `from` for granted and finds the next matching time; where the clock is changed
    /// before that time comes, goes on from the change.
    fn first_from(&self, mut from: DateTime<Utc>) -> Option<DateTime<Utc>> {
        loop {
            let change = zone::last_change(self.zone(), from - REACH, from);
            if change.is_some_and(|change| change.at == from && self.makes_up_at(&change)) {
                return Some(from);
            }
            let shown = zone::local(self.zone(), from);
            let earliest = change.map_or(shown, |change| shown.max(self.first_counting(&change)));
            let instant = from + (self.pattern.first_from(earliest)? - shown);
            match zone::first_change(self.zone(), from, instant) {
                None => return Some(instant),
                Some(change) => from = change.at,
            }
        }
    }

    /// The same backwards.
    fn last_until(&self, mut until: DateTime<Utc>) -> Option<DateTime<Utc>> {
        loop {
            let shown = zone::local(self.zone(), until);
            let time = self.pattern.last_until(shown)?;
            let instant = until - (shown - time);
            let Some(change) = zone::last_change(self.zone(), instant - REACH, until) else {
                return Some(instant);
            };
            if instant < change.at && self.makes_up_at(&change) {
                return Some(change.at);
            }
            if instant >= change.at && time >= self.first_counting(&change) {
                return Some(instant);
            }
            until = change.at - SECOND;
        }
    }

    /// Whether the end of this gap, if it is one, makes up for a time in it.
    fn makes_up_at(&self, change: &Change) -> bool {
        self.pattern.has_fixed_hours()
            && self.timing.skipped_hour == SkippedHour::RunAfter
            && self
                .pattern
                .first_from(change.shown_before)
                .is_some_and(|time| time < change.shown_after)
    }

    /// The first time after the change that is not shown for a second time, or may be.
    fn first_counting(&self, change: &Change) -> NaiveDateTime {
        if self.pattern.has_fixed_hours() && self.timing.repeated_hour == RepeatedHour::Once {
            change.shown_before.max(change.shown_after)
        } else {
            change.shown_after
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.expression, self.zone())
    }
}
