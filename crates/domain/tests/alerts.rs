//! An alert fires once for each of its local days, in whatever zone, across whatever its clock does, and however late or
//! often the checks run.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use domain::due::DueWindow;
use domain::reminder::{Recurrence, TimeOfDay, Weekdays, first_instant_anywhere, minutes_due};
use proptest::prelude::*;

/// Checks in order, the first at the beginning of a season in which many zones change their clocks.
#[derive(Debug, Clone)]
struct Checks(Vec<DateTime<Utc>>);

fn recurrence() -> impl Strategy<Value = Recurrence> {
    // Clocks change in the small hours, mostly.
    let minute = prop_oneof![0..4 * 60_u16, 23 * 60..24 * 60_u16, 0..TimeOfDay::MINUTES];
    (minute, 1..=127_u8, 0..TZ_VARIANTS.len()).prop_map(|(minute, days, zone)| Recurrence {
        at: TimeOfDay::from_minute(minute).unwrap(),
        weekdays: Weekdays::from_bits(days).unwrap(),
        zone: TZ_VARIANTS[zone],
    })
}

fn checks() -> impl Strategy<Value = Checks> {
    let first = (
        2020..=2035_i32,
        prop_oneof![Just((3, 1)), Just((10, 10)), Just((1, 1))],
        0..86_400_i64,
    );
    // From minutes apart to days without one.
    let gap = prop_oneof![4 => 1..1_200_i64, 2 => 3_600..43_200_i64, 1 => 86_400..300_000_i64];
    (first, prop::collection::vec(gap, 60..120)).prop_map(|((year, (month, day), second), gaps)| {
        let date = NaiveDate::from_ymd_opt(year, month, day).unwrap();
        let first = date.and_hms_opt(0, 0, 0).unwrap().and_utc() + TimeDelta::seconds(second);
        let later = gaps.into_iter().scan(first, |at, gap| {
            *at += TimeDelta::seconds(gap);
            Some(*at)
        });
        Checks(std::iter::once(first).chain(later).collect())
    })
}

/// How often the alert fires for each local day when each check looks back to the one before it.
fn firings(alert: &Recurrence, checks: &[DateTime<Utc>]) -> BTreeMap<NaiveDate, u32> {
    let mut firings = BTreeMap::new();
    for check in checks.windows(2) {
        let window = DueWindow {
            after: check[0],
            until: check[1],
        };
        for due in minutes_due(&window, alert.zone) {
            let now = (due.from..=due.until).contains(&alert.at) && alert.weekdays.contains(due.weekday());
            if now {
                assert!(window.contains(alert.at.instant_on(due.date, alert.zone)));
                *firings.entry(due.date).or_default() += 1;
            }
        }
    }
    firings
}

fn local_date(instant: DateTime<Utc>, zone: Tz) -> NaiveDate {
    instant.with_timezone(&zone).date_naive()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn an_alert_fires_exactly_once_for_each_of_its_local_days(alert in recurrence(), Checks(checks) in checks()) {
        let (first, last) = (checks[0], checks[checks.len() - 1]);
        let firings = firings(&alert, &checks);
        // The days that lie within the checks as a whole; those at either end may belong to checks before or after.
        let inner = local_date(first, alert.zone).iter_days().skip(2)
            .take_while(|date| *date < local_date(last, alert.zone).pred_opt().unwrap());
        for date in inner {
            let expected = u32::from(alert.weekdays.contains(date.weekday()));
            prop_assert_eq!(firings.get(&date).copied().unwrap_or_default(), expected, "{}", date);
        }
        prop_assert!(firings.values().all(|times| *times == 1), "{:?}", firings);

        // What people are told beforehand is what happens.
        let foretold: Vec<NaiveDate> = alert.after(first)
            .take_while(|(_, due_at)| *due_at <= last)
            .map(|(date, _)| date)
            .collect();
        prop_assert_eq!(foretold, firings.into_keys().collect::<Vec<_>>());
    }

    #[test]
    fn no_alert_comes_due_before_its_day_has_begun_somewhere(alert in recurrence(), Checks(checks) in checks()) {
        for (date, due_at) in alert.after(checks[0]).take(20) {
            prop_assert!(first_instant_anywhere(date) <= due_at);
        }
    }
}
