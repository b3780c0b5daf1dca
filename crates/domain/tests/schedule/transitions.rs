//! Fixed and running jobs at every clock change of every zone from 2020 to 2035.

use chrono::{DateTime, Days, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc};
use domain::schedule::{RepeatedHour, Schedule, SkippedHour, Timing};

use super::zones::{Change, Clocks, DISTINCT_CLOCKS, local};

const SECOND: TimeDelta = TimeDelta::seconds(1);

/// Local times inside, at the edges of and around what the change leaves out or shows twice.
fn times_of_interest(change: &Change) -> Vec<NaiveDateTime> {
    let (first, end) = if change.forward() > TimeDelta::zero() {
        (change.local_before(), change.local_after())
    } else {
        (change.local_after(), change.local_before())
    };
    let middle = first + (end - first) / 2;
    let hour = TimeDelta::hours(1);
    vec![
        first - hour,
        first - SECOND,
        first,
        first + SECOND,
        middle,
        end - SECOND,
        end,
        end + SECOND,
        end + hour,
    ]
}

fn daily(clocks: &Clocks, at: NaiveTime, skipped_hour: SkippedHour, repeated_hour: RepeatedHour) -> Schedule {
    let timing = Timing {
        zone: clocks.zone,
        skipped_hour,
        repeated_hour,
        ..Timing::default()
    };
    let expression = format!("{} {} {} * * *", at.second(), at.minute(), at.hour());
    Schedule::new(&expression, timing).unwrap()
}

/// The instants at which the clock shows a time, by trying both offsets.
fn shown(clocks: &Clocks, change: &Change, time: NaiveDateTime) -> Vec<DateTime<Utc>> {
    [change.offset_before, change.offset_after]
        .map(|offset| time.and_utc() - TimeDelta::seconds(offset))
        .into_iter()
        .filter(|instant| local(clocks.zone, *instant) == time)
        .collect()
}

/// A local time that a daily job wants, and the instants at which the clock shows it: none, one or two.
struct Day {
    wanted: NaiveDateTime,
    shown: Vec<DateTime<Utc>>,
}

/// The days around a change at one of the times of interest, and the runs that a schedule has for them. No other change is
/// so near.
fn around(
    clocks: &Clocks,
    change: &Change,
    time: NaiveDateTime,
    schedule: &Schedule,
) -> (Vec<Day>, Vec<DateTime<Utc>>) {
    let days = -2..=2;
    let wanted = days.map(|day: i64| time + TimeDelta::days(day));
    let days: Vec<_> = wanted
        .map(|wanted| Day {
            wanted,
            shown: shown(clocks, change, wanted),
        })
        .collect();
    let margin = TimeDelta::hours(6);
    let after = days[0].shown[0] - margin;
    let until = days[days.len() - 1].shown[0] + margin;
    let runs: Vec<_> = schedule.between(after, until).collect();
    let backwards = std::iter::successors(schedule.last_before(until), |run| schedule.last_before(*run));
    let mut backwards: Vec<_> = backwards.take_while(|run| *run > after).collect();
    backwards.reverse();
    assert_eq!(backwards, runs, "backwards {schedule} {time}");
    (days, runs)
}

fn at_every_change(mut check: impl FnMut(&Clocks, &Change, NaiveDateTime)) {
    let mut checked = (0, 0);
    for clocks in DISTINCT_CLOCKS.iter() {
        for change in &clocks.changes {
            for time in times_of_interest(change) {
                check(clocks, change, time);
            }
            if change.forward() > TimeDelta::zero() {
                checked.0 += 1;
            } else {
                checked.1 += 1;
            }
        }
    }
    assert!(checked.0 > 500 && checked.1 > 500, "{checked:?}");
}

#[test]
fn a_daily_job_runs_exactly_once_for_every_local_day_whatever_the_clocks_do() {
    at_every_change(|clocks, change, time| {
        let schedule = daily(clocks, time.time(), SkippedHour::RunAfter, RepeatedHour::Once);
        let (days, runs) = around(clocks, change, time, &schedule);
        let expected: Vec<_> = days
            .iter()
            .map(|day| day.shown.first().copied().unwrap_or(change.at))
            .collect();
        assert_eq!(runs, expected, "{schedule} {time}");
        let made_up = days.iter().filter(|day| day.shown.is_empty()).count();
        let same_day = days
            .iter()
            .zip(&runs)
            .filter(|(day, run)| day.wanted.date() == local(clocks.zone, **run).date());
        // Only what is made up for at the end of a gap can fall on another day, and only where the gap reaches midnight.
        let reaches_midnight = change.local_before().date() != change.local_after().date();
        let elsewhere = if reaches_midnight { made_up } else { 0 };
        assert!(same_day.count() >= days.len() - elsewhere, "{schedule} {time}");
    });
}

#[test]
fn a_daily_job_that_skips_the_gap_has_no_run_on_that_day_and_one_on_every_other() {
    at_every_change(|clocks, change, time| {
        let schedule = daily(clocks, time.time(), SkippedHour::Skip, RepeatedHour::Once);
        let (days, runs) = around(clocks, change, time, &schedule);
        let expected: Vec<_> = days.iter().filter_map(|day| day.shown.first().copied()).collect();
        assert_eq!(runs, expected, "{schedule} {time}");
        let in_gap = change.local_before() <= time && time < change.local_after();
        assert_eq!(runs.len(), days.len() - usize::from(in_gap), "{schedule} {time}");
    });
}

#[test]
fn a_daily_job_that_wants_both_runs_twice_on_the_day_that_has_its_time_twice() {
    at_every_change(|clocks, change, time| {
        let schedule = daily(clocks, time.time(), SkippedHour::RunAfter, RepeatedHour::Twice);
        let (days, runs) = around(clocks, change, time, &schedule);
        let mut expected: Vec<_> = days.iter().flat_map(|day| day.shown.clone()).collect();
        let in_gap = change.local_before() <= time && time < change.local_after();
        expected.extend(in_gap.then_some(change.at));
        expected.sort_unstable();
        assert_eq!(runs, expected, "{schedule} {time}");
        let twice = change.local_after() <= time && time < change.local_before();
        assert_eq!(runs.len(), days.len() + usize::from(twice), "{schedule} {time}");
    });
}

#[test]
fn a_job_of_every_ten_minutes_is_evenly_spaced_whatever_the_clocks_do() {
    for clocks in DISTINCT_CLOCKS.iter() {
        let timing = Timing {
            zone: clocks.zone,
            ..Timing::default()
        };
        let schedule = Schedule::new("0 */10 * * * *", timing).unwrap();
        for change in &clocks.changes {
            let (from, until) = (change.at - TimeDelta::hours(4), change.at + TimeDelta::hours(4));
            let runs: Vec<_> = schedule.between(from, until).collect();
            assert_eq!(runs.len(), 48, "{schedule} {change:?}");
            assert!(
                runs.windows(2)
                    .all(|pair| pair[1] - pair[0] == TimeDelta::minutes(10)),
                "{schedule} {runs:?}"
            );
        }
    }
}

#[test]
fn running_hours_follow_the_clock_from_minute_to_minute() {
    for clocks in DISTINCT_CLOCKS.iter() {
        let timing = Timing {
            zone: clocks.zone,
            ..Timing::default()
        };
        let schedule = Schedule::new("0 15,30 */2 * * *", timing).unwrap();
        for change in &clocks.changes {
            let begin = change.at - TimeDelta::hours(4);
            let minutes = (1..=8 * 60).map(|minute| begin + TimeDelta::minutes(minute));
            let expected: Vec<_> = minutes
                .filter(|instant| {
                    let shown = local(clocks.zone, *instant);
                    [15, 30].contains(&shown.minute())
                        && shown.hour().is_multiple_of(2)
                        && shown.second() == 0
                })
                .collect();
            let runs: Vec<_> = schedule.between(begin, begin + TimeDelta::hours(8)).collect();
            assert_eq!(runs, expected, "{schedule} {change:?}");
        }
    }
}

#[test]
fn zones_that_never_change_their_clocks_have_one_run_a_day_too() {
    let mut steady = 0;
    for clocks in DISTINCT_CLOCKS.iter().filter(|clocks| clocks.changes.is_empty()) {
        steady += 1;
        for time in [NaiveTime::MIN, NaiveTime::from_hms_opt(23, 59, 59).unwrap()] {
            let schedule = daily(clocks, time, SkippedHour::RunAfter, RepeatedHour::Once);
            let first = schedule.next_after(super::utc("2027-12-20T00:00:00Z")).unwrap();
            let runs: Vec<_> = schedule
                .between(first - SECOND, first + TimeDelta::days(20))
                .collect();
            for (run, day) in runs.iter().zip(0..) {
                let date = local(clocks.zone, first).date() + Days::new(day);
                assert_eq!(local(clocks.zone, *run), date.and_time(time), "{schedule}");
            }
            assert_eq!(runs.len(), 21);
        }
    }
    assert!(steady >= 24, "{steady}");
}
