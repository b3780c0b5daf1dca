use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;

use super::{TimeOfDay, Weekdays, local_date};

/// When an alert comes due: at a time of day, on some days of the week, on a clock in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recurrence {
    /// The time of day.
    pub at: TimeOfDay,
    /// The days.
    pub weekdays: Weekdays,
    /// Whose clock and calendar.
    pub zone: Tz,
}

impl Recurrence {
    /// The local days on which it comes due after `instant`, each with the instant at which it does, the earliest first.
    pub fn after(self, instant: DateTime<Utc>) -> impl Iterator<Item = (NaiveDate, DateTime<Utc>)> {
        // Where the clock skips midnight, the last minutes of a day come due on the day after.
        let first = local_date(instant, self.zone)
            .pred_opt()
            .unwrap_or(NaiveDate::MIN);
        std::iter::successors(Some(first), NaiveDate::succ_opt)
            .filter(move |date| self.weekdays.contains(date.weekday()))
            .map(move |date| (date, self.at.instant_on(date, self.zone)))
            .filter(move |(_, due_at)| *due_at > instant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_days_are_those_of_the_set_whose_time_is_still_to_come() {
        let evenings = Recurrence {
            at: "19:30".parse().unwrap(),
            weekdays: "sat,mon".parse().unwrap(),
            zone: chrono_tz::Asia::Seoul,
        };
        let after = |instant: &str| -> Vec<String> {
            let days = evenings.after(instant.parse().unwrap()).take(3);
            days.map(|(date, due_at)| format!("{date} {}", due_at.format("%dT%H:%MZ")))
                .collect()
        };
        // 2026-11-21 is a Saturday.
        let expected = [
            "2026-11-21 21T10:30Z",
            "2026-11-23 23T10:30Z",
            "2026-11-28 28T10:30Z",
        ];
        assert_eq!(after("2026-11-21T10:29:59Z"), expected);
        assert_eq!(after("2026-11-21T10:30:00Z")[0], expected[1]);
    }
}
