//! What expressions mean, and which are refused.

use chrono_tz::Tz;
use domain::schedule::{Schedule, Timing, WeekdayNumbers};

use super::{in_zone, instants};

const BEGIN: &str = "2025-12-31T23:59:59Z";

fn read(expression: &str, weekdays: WeekdayNumbers) -> Schedule {
    let timing = Timing {
        weekdays,
        ..Timing::default()
    };
    Schedule::new(expression, timing).unwrap()
}

fn refusal(expression: &str, weekdays: WeekdayNumbers) -> String {
    let timing = Timing {
        weekdays,
        ..Timing::default()
    };
    Schedule::new(expression, timing)
        .expect_err(expression)
        .to_string()
}

/// The days of January 2026, which begins with a Thursday, at whose midnight the day fields match.
fn january(days: &str, weekdays: WeekdayNumbers) -> Vec<u32> {
    let schedule = read(&format!("0 0 0 {days}"), weekdays);
    let found = instants(&schedule, BEGIN, "2026-01-31T00:00:00Z");
    found
        .iter()
        .map(|instant| instant[8..10].parse().unwrap())
        .collect()
}

#[test]
fn the_special_characters_of_days_are_understood() {
    let days = |days| january(days, WeekdayNumbers::Posix);
    assert_eq!(days("L * ?"), [31]);
    assert_eq!(days("LW * ?"), [30]);
    assert_eq!(days("17W * ?"), [16]);
    assert_eq!(days("? * MON#2"), [12]);
    assert_eq!(days("? * 5L"), [30]);
    assert_eq!(days("? * FRIL"), [30]);
    assert_eq!(days("? * SAT-SUN"), [3, 4, 10, 11, 17, 18, 24, 25, 31]);
    assert_eq!(days("1,31 jan-feb ? 2026"), [1, 31]);
    assert!(days("1 FEB ?").is_empty());
}

#[test]
fn weekdays_are_counted_as_posix_does() {
    let days = |days: &str| january(&format!("? * {days}"), WeekdayNumbers::Posix);
    for sunday in ["0", "7", "SUN", "sun", "0,7", "7-7"] {
        assert_eq!(days(sunday), [4, 11, 18, 25], "{sunday}");
    }
    assert_eq!(days("1"), days("MON"));
    assert_eq!(days("5-7"), days("FRI-SUN"));
    assert_eq!(days("5-0"), days("FRI-SUN"));
    assert_eq!(days("7-2"), days("SUN-TUE"));
    assert_eq!(days("0-7"), (1..=31).collect::<Vec<_>>());
    assert_eq!(days("7#1"), [4]);
    assert_eq!(days("0L"), [25]);
    assert_eq!(days("1-5/2"), days("MON,WED,FRI"));
}

#[test]
fn weekdays_are_counted_as_quartz_does_where_that_is_asked_for() {
    let days = |days: &str| january(&format!("? * {days}"), WeekdayNumbers::Quartz);
    let posix = |days: &str| january(&format!("? * {days}"), WeekdayNumbers::Posix);
    for (quartz, named) in [
        ("1", "SUN"),
        ("2", "MON"),
        ("7", "SAT"),
        ("2-6", "MON-FRI"),
        ("1-7", "*"),
        ("1,4,7", "SUN,WED,SAT"),
        ("2-6/2", "MON,WED,FRI"),
        ("3/2", "TUE,THU,SAT"),
        ("*/3", "SUN,WED,SAT"),
        ("1#3", "SUN#3"),
        ("6#2,7#5", "FRI#2,SAT#5"),
        ("6L", "FRIL"),
        ("L", "SAT"),
        ("*", "*"),
    ] {
        assert_eq!(days(quartz), posix(named), "{quartz}");
        assert!(!days(quartz).is_empty(), "{quartz}");
    }
    for name in [
        "SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "MON-FRI", "FRI-SUN", "MON#2", "SUNL",
    ] {
        assert_eq!(days(name), posix(name), "{name}");
    }
}

#[test]
fn what_is_copied_from_quartz_is_read_as_quartz_reads_it() {
    let quartz = |expression, until| instants(&read(expression, WeekdayNumbers::Quartz), BEGIN, until);
    assert_eq!(
        quartz("0 15 10 ? * 6L 2026", "2026-02-28T00:00:00Z"),
        ["2026-01-30T10:15:00Z", "2026-02-27T10:15:00Z"]
    );
    assert_eq!(
        quartz("0 0/25 0 * * ?", "2026-01-01T12:00:00Z"),
        [
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:25:00Z",
            "2026-01-01T00:50:00Z"
        ]
    );
    // Its users may know that a star is as good as a question mark where nothing else can be meant.
    assert_eq!(
        quartz("0 0 0 * * 1", "2026-01-05T00:00:00Z"),
        ["2026-01-04T00:00:00Z"]
    );
}

#[test]
fn zero_is_no_weekday_of_quartz_and_neither_is_eight() {
    for days in ["0", "8", "2,0", "0-5", "0#2", "0L", "MON-8", ""] {
        let expression = format!("0 0 9 ? * {days},2");
        let error = refusal(&expression, WeekdayNumbers::Quartz);
        assert!(
            error.contains("is no weekday of Quartz; they are 1 or SUN, 2 or MON, to 7"),
            "{error}"
        );
        assert!(error.contains("day of week"), "{error}");
    }
}

#[test]
fn quartz_takes_one_kind_of_day_only() {
    let both = refusal("0 0 9 1 * 2", WeekdayNumbers::Quartz);
    assert!(
        both.contains("either day of month or day of week has to be ?"),
        "{both}"
    );
    let none = refusal("0 0 9 ? * ?", WeekdayNumbers::Quartz);
    assert!(none.contains("cannot both be ?"), "{none}");
}

#[test]
fn in_posix_either_kind_of_day_is_enough_unless_both_are_asked_for() {
    assert_eq!(january("1 * MON", WeekdayNumbers::Posix), [1, 5, 12, 19, 26]);
    assert_eq!(january("1-7 * +MON", WeekdayNumbers::Posix), [5]);
}

#[test]
fn a_malformed_expression_is_quoted_and_explained() {
    for (expression, reason) in [
        ("", "it has 0 fields"),
        ("* * * * *", "it has 5 fields"),
        ("@daily", "it has 1 fields"),
        ("* * * * * * * *", "it has 8 fields"),
        ("0 61 9 * * *", "minute \"61\""),
        ("0 0 24 * * *", "hour \"24\""),
        ("0 0 9 ? ? *", "month \"?\""),
        ("0 0 9 * MON *", "month \"MON\""),
        ("0 0 9 * * MAR", "day of week \"MAR\": \"MAR\" is no weekday"),
        (
            "0 0 9 * * 8",
            "day of week \"8\": \"8\" is no weekday; they are 0 or 7 or SUN",
        ),
        ("0 0 9 * * L", "L stands behind a weekday"),
        ("0 0 9 * * 1#6", "day of week \"1#6\""),
        ("0 0/10 9 * * *", "minute \"0/10\""),
        ("0 0 9 * * * x", "year \"X\""),
        (", 0 9 * * *", "no date from 1970 to 2369 matches"),
        ("0 0 9 30 2 *", "no date from 1970 to 2369 matches"),
        ("0 0 9 * * * 2400", "no date from 1970 to 2369 matches"),
    ] {
        let error = refusal(expression, WeekdayNumbers::Posix);
        assert!(error.contains(&format!("{expression:?}")), "{error}");
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn a_schedule_shows_its_expression_as_it_was_written() {
    let schedule = in_zone("0 0 9 ? * mon", chrono_tz::Asia::Seoul);
    assert_eq!(schedule.to_string(), "0 0 9 ? * mon (Asia/Seoul)");
    assert_eq!(
        (schedule.cron(), schedule.zone()),
        ("0 0 9 ? * mon", chrono_tz::Asia::Seoul)
    );
    assert_eq!(Timing::default().zone, Tz::UTC);
}
