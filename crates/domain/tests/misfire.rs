//! What becomes of the instants that nobody was there for.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

use chrono::{DateTime, TimeDelta, Utc};
use domain::misfire::{Gap, INSTANTS_PER_PLAN, Misfire, Plan, Policy, Skip, SkipReason, plan};
use domain::schedule::{Schedule, Timing};
use proptest::prelude::*;

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn schedule(expression: &str) -> Schedule {
    Schedule::new(expression, Timing::default()).unwrap()
}

/// Down from before three daily instants until two hours after the third.
fn down_over_three_days(policy: Policy, grace: TimeDelta) -> Plan {
    let misfire = Misfire {
        policy,
        grace,
        on_time: TimeDelta::minutes(1),
    };
    let gap = Gap {
        accounted_until: utc("2026-11-19T09:00:00Z"),
        now: utc("2026-11-22T11:00:00Z"),
        paused: None,
    };
    plan(&schedule("0 0 9 * * *"), &misfire, &gap)
}

fn skip(first: &str, last: &str, instants: u64, reason: SkipReason) -> Skip {
    Skip {
        first: utc(first),
        last: utc(last),
        instants,
        reason,
        paused: false,
    }
}

#[test]
fn run_once_runs_the_latest_missed_instant_for_all() {
    let plan = down_over_three_days(Policy::RunOnce, TimeDelta::days(1));
    let by = utc("2026-11-22T09:00:00Z");
    assert_eq!(plan.runs, [by]);
    let reason = SkipReason::Superseded { by };
    assert_eq!(
        plan.skips,
        [skip("2026-11-20T09:00:00Z", "2026-11-21T09:00:00Z", 2, reason)]
    );
    assert_eq!(plan.accounted_until, utc("2026-11-22T11:00:00Z"));
}

#[test]
fn run_once_runs_nothing_beyond_its_grace() {
    let plan = down_over_three_days(Policy::RunOnce, TimeDelta::hours(1));
    assert!(plan.runs.is_empty());
    let all = skip(
        "2026-11-20T09:00:00Z",
        "2026-11-22T09:00:00Z",
        3,
        SkipReason::Grace,
    );
    assert_eq!(plan.skips, [all]);
}

#[test]
fn run_once_leaves_the_missed_ones_to_an_instant_that_is_on_time() {
    let misfire = Misfire {
        policy: Policy::RunOnce,
        grace: TimeDelta::days(1),
        on_time: TimeDelta::minutes(1),
    };
    let gap = Gap {
        accounted_until: utc("2026-11-22T08:30:00Z"),
        now: utc("2026-11-22T09:00:30Z"),
        paused: None,
    };
    let plan = plan(&schedule("0 */10 * * * *"), &misfire, &gap);
    let by = utc("2026-11-22T09:00:00Z");
    assert_eq!(plan.runs, [by]);
    let reason = SkipReason::Superseded { by };
    assert_eq!(
        plan.skips,
        [skip("2026-11-22T08:40:00Z", "2026-11-22T08:50:00Z", 2, reason)]
    );
}

#[test]
fn run_all_runs_what_is_within_grace_the_earliest_first() {
    let plan = down_over_three_days(Policy::RunAll, TimeDelta::hours(26));
    assert_eq!(
        plan.runs,
        [utc("2026-11-21T09:00:00Z"), utc("2026-11-22T09:00:00Z")]
    );
    let first = "2026-11-20T09:00:00Z";
    assert_eq!(plan.skips, [skip(first, first, 1, SkipReason::Grace)]);
}

#[test]
fn skip_runs_only_what_is_on_time() {
    let plan = down_over_three_days(Policy::Skip, TimeDelta::days(30));
    assert!(plan.runs.is_empty());
    let all = skip(
        "2026-11-20T09:00:00Z",
        "2026-11-22T09:00:00Z",
        3,
        SkipReason::Policy,
    );
    assert_eq!(plan.skips, [all]);
}

#[test]
fn an_instant_is_on_time_up_to_and_including_the_limit_and_whatever_its_grace() {
    for (now, runs) in [("2026-11-22T09:01:00Z", 1), ("2026-11-22T09:01:00.001Z", 0)] {
        for policy in [Policy::RunOnce, Policy::RunAll, Policy::Skip] {
            let misfire = Misfire {
                policy,
                grace: TimeDelta::zero(),
                on_time: TimeDelta::minutes(1),
            };
            let gap = Gap {
                accounted_until: utc("2026-11-22T08:00:00Z"),
                now: utc(now),
                paused: None,
            };
            let plan = plan(&schedule("0 0 9 * * *"), &misfire, &gap);
            assert_eq!(
                (plan.runs.len(), plan.skips.len()),
                (runs, 1 - runs),
                "{policy:?} {now}"
            );
        }
    }
}

#[test]
fn what_a_pause_held_back_is_told_apart_from_what_was_missed_otherwise() {
    let misfire = Misfire {
        policy: Policy::Skip,
        grace: TimeDelta::zero(),
        on_time: TimeDelta::minutes(1),
    };
    let gap = Gap {
        accounted_until: utc("2026-11-22T08:00:00Z"),
        now: utc("2026-11-22T09:05:00Z"),
        paused: Some((utc("2026-11-22T08:20:00Z"), utc("2026-11-22T08:50:00Z"))),
    };
    let plan = plan(&schedule("0 */10 * * * *"), &misfire, &gap);
    let ranges: Vec<_> = plan
        .skips
        .iter()
        .map(|skip| (skip.paused, skip.instants))
        .collect();
    assert_eq!(ranges, [(false, 1), (true, 3), (false, 2)]);
    assert_eq!(
        plan.skips[1].to_string(),
        "3 instants missed while paused: the policy is skip"
    );
}

#[test]
fn a_clock_that_was_set_back_accounts_for_nothing_anew() {
    let misfire = Misfire {
        policy: Policy::RunAll,
        grace: TimeDelta::days(1),
        on_time: TimeDelta::minutes(1),
    };
    let accounted_until = utc("2026-11-22T09:00:00Z");
    let gap = Gap {
        accounted_until,
        now: utc("2026-11-22T07:00:00Z"),
        paused: None,
    };
    let plan = plan(&schedule("0 */10 * * * *"), &misfire, &gap);
    assert_eq!(
        plan,
        Plan {
            runs: vec![],
            skips: vec![],
            accounted_until
        }
    );
}

#[test]
fn eight_hours_of_missed_seconds_end_with_one_run_and_bounded_plans() {
    let schedule = schedule("* * * * * *");
    let misfire = Misfire {
        policy: Policy::RunOnce,
        grace: TimeDelta::hours(1),
        on_time: TimeDelta::zero(),
    };
    let now = utc("2026-11-22T09:00:00.500Z");
    let mut gap = Gap {
        accounted_until: utc("2026-11-22T01:00:00Z"),
        now,
        paused: None,
    };
    let (mut runs, mut skipped) = (Vec::new(), 0);
    while gap.accounted_until < now {
        let plan = plan(&schedule, &misfire, &gap);
        let looked_at = plan.runs.len() as u64 + plan.skips.iter().map(|skip| skip.instants).sum::<u64>();
        assert!(
            looked_at <= INSTANTS_PER_PLAN as u64 && plan.skips.len() <= 1,
            "{looked_at}"
        );
        assert!(plan.accounted_until > gap.accounted_until);
        skipped += looked_at - plan.runs.len() as u64;
        runs.extend(plan.runs);
        gap.accounted_until = plan.accounted_until;
    }
    assert_eq!(runs, [utc("2026-11-22T09:00:00Z")]);
    assert_eq!(skipped, 8 * 3600 - 1);
}

#[test]
fn a_reason_is_read_back_from_what_is_stored() {
    let by = utc("2026-11-22T09:00:00Z");
    for reason in [
        SkipReason::Superseded { by },
        SkipReason::Policy,
        SkipReason::Grace,
    ] {
        assert_eq!(
            SkipReason::parse(reason.as_str(), reason.superseded_by()),
            Some(reason)
        );
    }
    for (name, by) in [
        ("superseded", None),
        ("grace", Some(by)),
        ("Policy", None),
        ("", None),
    ] {
        assert_eq!(SkipReason::parse(name, by), None, "{name}");
    }
}

#[test]
fn a_skip_says_in_a_sentence_why_nothing_ran() {
    let one = "2026-11-22T09:00:00Z";
    let by = utc("2026-11-22T09:10:00Z");
    let superseded = skip(one, one, 1, SkipReason::Superseded { by });
    assert_eq!(
        superseded.to_string(),
        "missed: the run of 2026-11-22T09:10:00Z stands for it"
    );
    let many = skip(one, "2026-11-22T09:10:00Z", 2, SkipReason::Grace);
    assert_eq!(
        many.to_string(),
        "2 instants missed: found later than the grace period allows"
    );
}

const EXPRESSIONS: [&str; 5] = [
    "* * * * * *",
    "*/7 * * * * *",
    "0 */10 * * * *",
    "30 59 23 * * MON",
    "0 0 9 L * ?",
];

prop_compose! {
    fn policies()(policy in prop::sample::select(vec![Policy::RunOnce, Policy::RunAll, Policy::Skip])) -> Policy {
        policy
    }
}

prop_compose! {
    fn cases()(
        expression in prop::sample::select(EXPRESSIONS.to_vec()),
        policy in policies(),
        (grace, on_time) in (0_i64..200_000, 0_i64..400),
        // Most gaps hold few instants of one schedule and very many of another.
        (from, length) in (0_i64..40_000_000, prop_oneof![0_i64..30_000, 0_i64..3_000_000]),
        (millisecond, pause, paused_for) in (0_i64..1000, 0_i64..30_000, prop::option::of(0_i64..30_000)),
    ) -> (&'static str, Misfire, Gap) {
        let accounted_until = utc("2026-01-01T00:00:00Z") + TimeDelta::seconds(from);
        let now = accounted_until + TimeDelta::seconds(length) + TimeDelta::milliseconds(millisecond);
        let began = accounted_until + TimeDelta::seconds(pause);
        let paused = paused_for.map(|seconds| (began, began + TimeDelta::seconds(seconds)));
        let misfire = Misfire { policy, grace: TimeDelta::seconds(grace), on_time: TimeDelta::seconds(on_time) };
        (expression, misfire, Gap { accounted_until, now, paused })
    }
}

/// What a plan said about an instant, in the order of the plan's instants.
fn fates(plan: &Plan, schedule: &Schedule) -> Vec<(DateTime<Utc>, Option<Skip>)> {
    let second = TimeDelta::seconds(1);
    let skipped = plan.skips.iter().flat_map(|skip| {
        let instants = schedule.between(skip.first - second, skip.last);
        instants.map(|instant| (instant, Some(skip.clone())))
    });
    let mut fates: Vec<_> = plan.runs.iter().map(|run| (*run, None)).chain(skipped).collect();
    fates.sort_by_key(|(instant, _)| *instant);
    fates
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_instant_is_either_run_or_in_one_skip((expression, misfire, gap) in cases()) {
        let schedule = schedule(expression);
        let plan = plan(&schedule, &misfire, &gap);
        let expected: Vec<_> = schedule.between(gap.accounted_until, plan.accounted_until).collect();
        let fates = fates(&plan, &schedule);
        let found: Vec<_> = fates.iter().map(|(instant, _)| *instant).collect();
        prop_assert_eq!(&found, &expected);
        prop_assert!(expected.len() <= INSTANTS_PER_PLAN);
        prop_assert!(plan.accounted_until == gap.now || expected.len() == INSTANTS_PER_PLAN);
        prop_assert!(plan.runs.is_sorted());
        for skip in &plan.skips {
            let counted = fates.iter().filter(|(_, fate)| fate.as_ref() == Some(skip)).count();
            prop_assert_eq!(skip.instants, counted as u64);
        }
    }

    #[test]
    fn ranges_of_skips_are_in_order_and_cannot_be_joined((expression, misfire, gap) in cases()) {
        let schedule = schedule(expression);
        let plan = plan(&schedule, &misfire, &gap);
        for pair in plan.skips.windows(2) {
            prop_assert!(pair[0].last < pair[1].first);
            let adjoining = schedule.next_after(pair[0].last) == Some(pair[1].first);
            let same = (pair[0].reason, pair[0].paused) == (pair[1].reason, pair[1].paused);
            prop_assert!(!(adjoining && same), "{:?}", pair);
        }
    }

    #[test]
    fn whatever_is_on_time_runs_and_missed_instants_run_as_the_policy_says(
        (expression, misfire, gap) in cases()
    ) {
        let schedule = schedule(expression);
        let plan = plan(&schedule, &misfire, &gap);
        let late = |instant: &DateTime<Utc>| gap.now - *instant > misfire.on_time;
        let on_time = schedule.between(gap.accounted_until, plan.accounted_until).filter(|i| !late(i));
        for instant in on_time {
            prop_assert!(plan.runs.contains(&instant), "{}", instant);
        }
        let missed: Vec<_> = plan.runs.iter().filter(|run| late(run)).collect();
        for run in &missed {
            prop_assert!(gap.now - **run <= misfire.grace, "{}", run);
        }
        match misfire.policy {
            Policy::RunAll => {}
            Policy::RunOnce => prop_assert!(missed.len() <= 1),
            Policy::Skip => prop_assert!(missed.is_empty()),
        }
    }

    #[test]
    fn plans_that_follow_each_other_run_one_missed_instant_under_run_once((expression, misfire, gap) in cases()) {
        let schedule = schedule(expression);
        let misfire = Misfire { policy: Policy::RunOnce, ..misfire };
        let all: Vec<_> = schedule.between(gap.accounted_until, gap.now).take(5 * INSTANTS_PER_PLAN).collect();
        prop_assume!(all.len() < 5 * INSTANTS_PER_PLAN);
        let (mut gap_left, mut runs) = (gap, Vec::new());
        while gap_left.accounted_until < gap.now {
            let plan = plan(&schedule, &misfire, &gap_left);
            runs.extend(plan.runs);
            gap_left.accounted_until = plan.accounted_until;
        }
        let lateness = |instant: &DateTime<Utc>| gap.now - *instant;
        let on_time: Vec<_> = all.iter().copied().filter(|i| lateness(i) <= misfire.on_time).collect();
        let latest_missed = all.iter().copied().rfind(|i| lateness(i) <= misfire.grace);
        let expected = if on_time.is_empty() { Vec::from_iter(latest_missed) } else { on_time };
        prop_assert_eq!(runs, expected);
    }
}
