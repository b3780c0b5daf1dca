//! The search for instants, where clocks are not changed and where they are changed in ways that people know.

use chrono_tz::Tz;
use chrono_tz::{Africa, America, Antarctica, Europe, Pacific};
use domain::schedule::{RepeatedHour, Schedule, SkippedHour, Timing};

use super::{in_zone, instants, text, utc};

#[test]
fn nine_in_the_morning_is_nine_on_the_local_clock() {
    let schedule = in_zone("0 0 9 * * *", chrono_tz::Asia::Seoul);
    let found = instants(&schedule, "2026-11-20T00:00:00Z", "2026-11-22T00:00:00Z");
    assert_eq!(found, ["2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"]);
}

#[test]
fn instants_stand_on_whole_seconds_wherever_the_search_begins() {
    let schedule = in_zone("*/10 * * * * *", Tz::UTC);
    let found = instants(&schedule, "2026-11-21T00:00:00.400Z", "2026-11-21T00:00:20.900Z");
    assert_eq!(found, ["2026-11-21T00:00:10Z", "2026-11-21T00:00:20Z"]);
    let before = |instant| schedule.last_before(utc(instant)).map(text);
    assert_eq!(
        before("2026-11-21T00:00:10Z").as_deref(),
        Some("2026-11-21T00:00:00Z")
    );
    assert_eq!(
        before("2026-11-21T00:00:10.001Z").as_deref(),
        Some("2026-11-21T00:00:10Z")
    );
}

#[test]
fn the_search_ends_where_the_years_of_the_expression_end() {
    let schedule = in_zone("0 0 0 29 2 ? 2024-2031", Europe::Berlin);
    let found = instants(&schedule, "1900-01-01T00:00:00Z", "2399-01-01T00:00:00Z");
    assert_eq!(found, ["2024-02-28T23:00:00Z", "2028-02-28T23:00:00Z"]);
    assert_eq!(schedule.next_after(utc("2028-02-28T23:00:00Z")), None);
    assert_eq!(schedule.last_before(utc("2024-02-28T23:00:00Z")), None);
    for extreme in [
        chrono::DateTime::<chrono::Utc>::MIN_UTC,
        chrono::DateTime::<chrono::Utc>::MAX_UTC,
    ] {
        assert_eq!(
            schedule.next_after(extreme).is_some(),
            schedule.last_before(extreme).is_none()
        );
    }
}

/// The instants, forwards, after it was made sure that they are found backwards too.
fn both_ways(schedule: &Schedule, after: &str, until: &str) -> Vec<String> {
    let found = instants(schedule, after, until);
    let last = schedule.last_before(utc(until) + chrono::TimeDelta::seconds(1));
    let mut back: Vec<_> = std::iter::successors(last, |instant| schedule.last_before(*instant))
        .take_while(|instant| *instant > utc(after))
        .map(text)
        .collect();
    back.reverse();
    assert_eq!(back, found, "{schedule}");
    found
}

fn spring(expression: &str) -> Vec<String> {
    both_ways(
        &in_zone(expression, Europe::Berlin),
        "2026-03-28T23:00:00Z",
        "2026-03-29T21:59:59Z",
    )
}

fn autumn(expression: &str) -> Vec<String> {
    both_ways(
        &in_zone(expression, Europe::Berlin),
        "2026-10-24T22:00:00Z",
        "2026-10-25T22:59:59Z",
    )
}

#[test]
fn a_skipped_or_repeated_hour_schedules_a_daily_job_exactly_once() {
    assert_eq!(spring("0 30 2 * * *"), ["2026-03-29T01:00:00Z"]);
    assert_eq!(autumn("0 30 2 * * *"), ["2026-10-25T00:30:00Z"]);
}

#[test]
fn several_fixed_times_are_each_as_good_as_one() {
    assert_eq!(
        spring("0 30 2,14 * * *"),
        ["2026-03-29T01:00:00Z", "2026-03-29T12:30:00Z"]
    );
    assert_eq!(
        autumn("0 0,30 2 * * *"),
        ["2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z"]
    );
    // All of the gap is made up for at once, together with what is due then anyway.
    assert_eq!(spring("0 */20 2 * * *"), ["2026-03-29T01:00:00Z"]);
    assert_eq!(spring("0 0 2,3 * * *"), ["2026-03-29T01:00:00Z"]);
    assert_eq!(spring("0 0 1-4 * * *").len(), 3);
    assert_eq!(autumn("0 0 1-4 * * *").len(), 4);
}

#[test]
fn running_hours_go_by_what_the_clock_shows_from_moment_to_moment() {
    assert_eq!(spring("0 30 * * * *").len(), 23);
    assert_eq!(autumn("0 30 * * * *").len(), 25);
    for every_other in ["0 0 */2 * * *", "0 0 1-1,*/2 * * *"] {
        assert!(
            !spring(every_other).contains(&"2026-03-29T01:00:00Z".to_owned()),
            "{every_other}"
        );
    }
    // Without midnight itself, after which the search begins.
    assert_eq!(autumn("0 0 0-23 * * *").len(), 24);
    assert_eq!(spring("0 0 0-23 * * *").len(), 22);
}

#[test]
fn a_job_may_say_otherwise() {
    let berlin = |expression, skipped_hour, repeated_hour| {
        let timing = Timing {
            zone: Europe::Berlin,
            skipped_hour,
            repeated_hour,
            ..Timing::default()
        };
        Schedule::new(expression, timing).unwrap()
    };
    let skip = berlin("0 30 2 * * *", SkippedHour::Skip, RepeatedHour::Once);
    let found = both_ways(&skip, "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
    assert_eq!(found, ["2026-03-30T00:30:00Z"]);
    let twice = berlin("0 30 2 * * *", SkippedHour::RunAfter, RepeatedHour::Twice);
    let found = both_ways(&twice, "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z");
    assert_eq!(found, ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]);
}

#[test]
fn a_gap_of_three_hours_is_made_up_for_and_is_not_the_end() {
    // Casey went from +08 to +11 on 4 October 2020 at 00:01.
    let schedule = in_zone("0 30 0 * * *", Antarctica::Casey);
    let found = both_ways(&schedule, "2020-10-02T12:00:00Z", "2020-10-05T12:00:00Z");
    assert_eq!(
        found,
        [
            "2020-10-02T16:30:00Z",
            "2020-10-03T16:01:00Z",
            "2020-10-04T13:30:00Z"
        ]
    );
}

#[test]
fn a_gap_that_reaches_midnight_is_made_up_for_on_the_next_day() {
    // Greenland skips 23:00 to 24:00 of Saturday, 30 March 2024.
    let schedule = in_zone("0 30 23 ? * SAT", America::Nuuk);
    let found = both_ways(&schedule, "2024-03-30T00:00:00Z", "2024-04-02T00:00:00Z");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found, ["2024-03-31T01:00:00Z"]);
}

#[test]
fn a_gap_at_midnight_and_an_hour_before_midnight_that_comes_twice_are_one_run_each() {
    // Egypt skips 00:00 to 01:00 of 24 April 2026 and repeats 23:00 to 24:00 of 29 October 2026.
    let midnight = in_zone("0 0 0 * * *", Africa::Cairo);
    let found = both_ways(&midnight, "2026-04-23T12:00:00Z", "2026-04-24T12:00:00Z");
    assert_eq!(found, ["2026-04-23T22:00:00Z"]);
    let found = both_ways(&midnight, "2026-10-29T12:00:00Z", "2026-10-30T12:00:00Z");
    assert_eq!(found, ["2026-10-29T22:00:00Z"]);
    let evening = in_zone("0 30 23 * * *", Africa::Cairo);
    let found = both_ways(&evening, "2026-10-29T12:00:00Z", "2026-10-30T12:00:00Z");
    assert_eq!(found, ["2026-10-29T20:30:00Z"]);
}

#[test]
fn a_whole_day_that_a_zone_left_out_has_its_run_at_the_first_instant_after_it() {
    // Samoa left out 30 December 2011.
    let schedule = in_zone("0 0 9 * * *", Pacific::Apia);
    let found = both_ways(&schedule, "2011-12-29T12:00:00Z", "2012-01-01T00:00:00Z");
    assert_eq!(
        found,
        [
            "2011-12-29T19:00:00Z",
            "2011-12-30T10:00:00Z",
            "2011-12-30T19:00:00Z",
            "2011-12-31T19:00:00Z"
        ]
    );
    let friday = in_zone("0 0 9 ? * FRI", Pacific::Apia);
    let found = both_ways(&friday, "2011-12-29T12:00:00Z", "2012-01-02T00:00:00Z");
    assert_eq!(found, ["2011-12-30T10:00:00Z"]);
}

#[test]
fn two_hours_that_a_zone_had_twice_count_once() {
    // Vostok was put back from 02:00 to 00:00 on 18 December 2023.
    let schedule = in_zone("0 30 0 * * *", Antarctica::Vostok);
    let found = both_ways(&schedule, "2023-12-16T12:00:00Z", "2023-12-18T23:00:00Z");
    assert_eq!(
        found,
        [
            "2023-12-16T17:30:00Z",
            "2023-12-17T17:30:00Z",
            "2023-12-18T19:30:00Z"
        ]
    );
}
