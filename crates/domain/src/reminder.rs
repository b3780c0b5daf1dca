//! Times of day that people set alerts for, on their own clock.

mod recurrence;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;

pub use recurrence::Recurrence;

use crate::due::{DueWindow, first_instant_at};

/// A minute of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

/// A set of days of the week, not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Weekdays(u8);

/// Why a text is no time of day or no set of days.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReminderError {
    /// Not `HH:MM`.
    #[error("{0:?} is no time of day between 00:00 and 23:59")]
    TimeOfDay(String),
    /// Not days.
    #[error("{0:?} names no weekdays; write them as mon,wed,fri or mon-fri or daily")]
    Weekdays(String),
}

/// A local day on which alerts of some minutes come due within a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueMinutes {
    /// The local day.
    pub date: NaiveDate,
    /// The first such minute.
    pub from: TimeOfDay,
    /// The last such minute.
    pub until: TimeOfDay,
}

impl TimeOfDay {
    /// Minutes a day has.
    pub const MINUTES: u16 = 24 * 60;

    /// The `minute`th minute of the day, if it has that many.
    pub fn from_minute(minute: u16) -> Option<Self> {
        (minute < Self::MINUTES).then_some(Self(minute))
    }

    /// Minutes since midnight.
    pub fn minute(self) -> u16 {
        self.0
    }

    /// The instant at which a clock in `zone` first shows this time on `date`, or first shows a later one where the
    /// clock skips it.
    pub fn instant_on(self, date: NaiveDate, zone: Tz) -> DateTime<Utc> {
        let time =
            NaiveTime::from_num_seconds_from_midnight_opt(u32::from(self.0) * 60, 0).unwrap_or_default();
        first_instant_at(date.and_time(time), zone)
    }
}

impl Weekdays {
    /// Every day.
    pub const DAILY: Self = Self(0b111_1111);

    /// The set from its bits, Monday the lowest; nothing where it is empty or has bits beyond Sunday.
    pub fn from_bits(bits: u8) -> Option<Self> {
        (1..=Self::DAILY.0).contains(&bits).then_some(Self(bits))
    }

    /// One bit for each day, Monday the lowest.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// The set of these days; nothing where there are none.
    pub fn of(days: impl IntoIterator<Item = Weekday>) -> Option<Self> {
        let bits = days
            .into_iter()
            .fold(0, |bits, day| bits | 1 << day.num_days_from_monday());
        Self::from_bits(bits)
    }

    /// The days of the set, Monday first.
    pub fn days(self) -> impl Iterator<Item = Weekday> {
        (0..7u8)
            .filter_map(|n| Weekday::try_from(n).ok())
            .filter(move |day| self.contains(*day))
    }

    /// Whether the day is in the set.
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & (1 << day.num_days_from_monday()) != 0
    }
}

/// The minutes, day by day, whose alerts come due within `window` on a clock in `zone`.
///
/// Every minute of every local day belongs to exactly one of any series of adjoining windows, whatever the clock does.
pub fn minutes_due(window: &DueWindow, zone: Tz) -> Vec<DueMinutes> {
    // A clock change moves a minute by hours at most; a day either side covers every zone's.
    let first = local_date(window.after, zone)
        .pred_opt()
        .unwrap_or(NaiveDate::MIN);
    let last = local_date(window.until, zone)
        .succ_opt()
        .unwrap_or(NaiveDate::MAX);
    let dates = std::iter::successors(Some(first), NaiveDate::succ_opt).take_while(|date| *date <= last);
    dates
        .filter_map(|date| minutes_due_on(date, window, zone))
        .collect()
}

/// Later minutes are never due earlier, so that the bounds can be searched for.
fn minutes_due_on(date: NaiveDate, window: &DueWindow, zone: Tz) -> Option<DueMinutes> {
    let minutes_until = |instant| {
        let (mut low, mut high) = (0, TimeOfDay::MINUTES);
        while low < high {
            let middle = low.midpoint(high);
            if TimeOfDay(middle).instant_on(date, zone) <= instant {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    };
    let (from, end) = (minutes_until(window.after), minutes_until(window.until));
    (from < end).then(|| DueMinutes {
        date,
        from: TimeOfDay(from),
        until: TimeOfDay(end - 1),
    })
}

/// The first instant at which a calendar anywhere on Earth shows the day: clocks are at most 14 hours ahead of UTC.
pub fn first_instant_anywhere(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(NaiveTime::MIN).and_utc() - TimeDelta::hours(14)
}

fn local_date(instant: DateTime<Utc>, zone: Tz) -> NaiveDate {
    instant.with_timezone(&zone).date_naive()
}

impl DueMinutes {
    /// The day of the week.
    pub fn weekday(&self) -> Weekday {
        self.date.weekday()
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl FromStr for TimeOfDay {
    type Err = ReminderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = |part: &str, below: u16| {
            let plain = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            part.parse::<u16>().ok().filter(|n| plain && *n < below)
        };
        let time = text
            .split_once(':')
            .and_then(|(h, m)| Some(parse(h, 24)? * 60 + parse(m, 60)?));
        time.map(Self)
            .ok_or_else(|| ReminderError::TimeOfDay(text.to_owned()))
    }
}

impl FromStr for Weekdays {
    type Err = ReminderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || ReminderError::Weekdays(text.to_owned());
        let mut bits = 0;
        for part in text.split([',', ';', ' ']).filter(|part| !part.is_empty()) {
            bits |= match part.split_once('-') {
                None if part.eq_ignore_ascii_case("daily") => Self::DAILY.0,
                None => bit(part).ok_or_else(refused)?,
                Some((first, last)) => {
                    let (first, last) = (bit(first).ok_or_else(refused)?, bit(last).ok_or_else(refused)?);
                    span(first, last)
                }
            };
        }
        Self::from_bits(bits).ok_or_else(refused)
    }
}

impl fmt::Display for Weekdays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.days().map(|day| day.to_string().to_lowercase()).collect();
        f.write_str(&names.join(","))
    }
}

fn bit(day: &str) -> Option<u8> {
    day.parse::<Weekday>()
        .ok()
        .map(|day| 1 << day.num_days_from_monday())
}

/// The days from one to another, over the end of the week if need be.
fn span(first: u8, last: u8) -> u8 {
    let up_to_last = (last << 1) - 1;
    let from_first = Weekdays::DAILY.0 & !(first - 1);
    if first <= last {
        up_to_last & from_first
    } else {
        (up_to_last | from_first) & Weekdays::DAILY.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_days_are_read_as_people_write_them() {
        assert_eq!("09:05".parse::<TimeOfDay>().unwrap().minute(), 545);
        assert_eq!("7:30".parse::<TimeOfDay>().unwrap().to_string(), "07:30");
        for text in ["24:00", "12:60", "noon", "12", "+1:00", "012:00", ""] {
            assert!(text.parse::<TimeOfDay>().is_err(), "{text:?}");
        }
        let days = |text: &str| text.parse::<Weekdays>().map(|d| d.to_string());
        assert_eq!(days("mon-fri").unwrap(), "mon,tue,wed,thu,fri");
        assert_eq!(days("Sat, Sunday").unwrap(), "sat,sun");
        assert_eq!(days("fri-mon").unwrap(), "mon,fri,sat,sun");
        assert_eq!(days("daily").unwrap(), "mon,tue,wed,thu,fri,sat,sun");
        assert!(days("").is_err() && days("1").is_err() && days("mon-").is_err());
    }

    #[test]
    fn every_minute_of_a_day_with_a_clock_change_is_due_in_exactly_one_window() {
        // New York, 2026: the hour from 02:00 does not exist on 8 March and the one from 01:00 exists twice on 1 November.
        for date in [(2026, 3, 8), (2026, 11, 1)] {
            let date = NaiveDate::from_ymd_opt(date.0, date.1, date.2).unwrap();
            let zone = chrono_tz::America::New_York;
            let mut from = TimeOfDay(0).instant_on(date, zone) - chrono::TimeDelta::hours(1);
            let mut seen = vec![0; usize::from(TimeOfDay::MINUTES)];
            for _ in 0..(27 * 6) {
                let until = from + chrono::TimeDelta::minutes(10);
                for due in minutes_due(&DueWindow { after: from, until }, zone) {
                    if due.date == date {
                        (due.from.0..=due.until.0).for_each(|m| seen[usize::from(m)] += 1);
                    }
                }
                from = until;
            }
            assert!(seen.iter().all(|times| *times == 1), "{date}: {seen:?}");
        }
    }
}
