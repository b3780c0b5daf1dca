//! The same instants as cronsim, which nobody here wrote: the cron of healthchecks.io, made after Debian's, with the
//! zones of Python's `tzdata`. Each expression is compared around every clock change of every zone from 2020 to 2035.
//!
//! cronsim knows two rules. Five fields of which neither minutes nor hours begin with `*`: a skipped time at the end of
//! the gap, a repeated one the first time. All others: what the clock shows.
//!
//! Differences by design: cronsim repeats an instant that several skipped times are moved to, where instants are a set
//! here; and minutes with a `*` do not make fixed hours running ones here, so that they are compared with a list of the
//! same minutes. Neither is all 24 hours written out a fixed time here. Where cronsim is wrong is in [`MISSED_BY_CRONSIM`].

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::{Antarctica, Australia, Tz};
use domain::schedule::{RepeatedHour, Schedule, SkippedHour, Timing};

use super::zones::{Change, DISTINCT_CLOCKS};

/// What is asked of cronsim, and what of ours has to agree, for some hours before and after a change.
struct Pair {
    theirs: &'static str,
    ours: &'static str,
    policies: (SkippedHour, RepeatedHour),
    hours: i64,
}

const DEFAULT: (SkippedHour, RepeatedHour) = (SkippedHour::RunAfter, RepeatedHour::Once);
const AS_SHOWN: (SkippedHour, RepeatedHour) = (SkippedHour::Skip, RepeatedHour::Twice);

const fn pair(
    policies: (SkippedHour, RepeatedHour),
    hours: i64,
    theirs: &'static str,
    ours: &'static str,
) -> Pair {
    Pair {
        theirs,
        ours,
        policies,
        hours,
    }
}

/// Long enough for a daily job to have runs on both sides; the more frequent ones would take cronsim minutes.
const PAIRS: [Pair; 23] = [
    // Fixed hours.
    pair(DEFAULT, 30, "0 0 * * *", "0 0 0 * * *"),
    pair(DEFAULT, 30, "30 0 * * *", "0 30 0 * * *"),
    pair(DEFAULT, 30, "59 0 * * *", "0 59 0 * * *"),
    pair(DEFAULT, 30, "0 1 * * *", "0 0 1 * * *"),
    pair(DEFAULT, 30, "45 1 * * *", "0 45 1 * * *"),
    pair(DEFAULT, 30, "0 2 * * *", "0 0 2 * * *"),
    pair(DEFAULT, 30, "15 2 * * *", "0 15 2 * * *"),
    pair(DEFAULT, 30, "30 3 * * *", "0 30 3 * * *"),
    pair(DEFAULT, 30, "30 23 * * *", "0 30 23 * * *"),
    pair(DEFAULT, 30, "30 23 * * 6", "0 30 23 ? * SAT"),
    pair(DEFAULT, 30, "30 0 1,L * 7", "0 30 0 1,L * SUN"),
    pair(DEFAULT, 8, "0,30 0,1,2,3,22,23 * * *", "0 0,30 0-3,22-23 * * *"),
    pair(DEFAULT, 8, "10-50/20 1-23/2 * * *", "0 10-50/20 1-23/2 * * *"),
    pair(DEFAULT, 8, "0,10,20,30,40,50 2 * * *", "0 */10 2 * * *"),
    // Fixed hours, as the clock shows them.
    pair(AS_SHOWN, 8, "*/10 2 * * *", "0 */10 2 * * *"),
    pair(AS_SHOWN, 30, "0 30 2 * * *", "0 30 2 * * *"),
    pair(AS_SHOWN, 30, "0 30 0,1,23 * * *", "0 30 0-1,23 * * *"),
    // Running hours.
    pair(DEFAULT, 2, "* * * * *", "0 * * * * *"),
    pair(DEFAULT, 3, "*/10 * * * *", "0 */10 * * * *"),
    pair(DEFAULT, 12, "30 * * * *", "0 30 * * * *"),
    pair(DEFAULT, 12, "15 */2 * * *", "0 15 */2 * * *"),
    pair(DEFAULT, 12, "0 30 0-23 * * *", "0 30 0-23 * * *"),
    // Which policies do not touch.
    pair(AS_SHOWN, 12, "30 */3 * * *", "0 30 */3 * * *"),
];

/// cronsim looks for the next matching hour in steps of one hour of elapsed time. A change that is no whole number of
/// hours, or does not come on the hour, puts it behind the beginning of an hour, and what lies there is lost: for these
/// zones and expressions the local times after each change forward or back.
const MISSED_BY_CRONSIM: [(Tz, &str, Direction, &[&str]); 9] = [
    (Australia::LHI, "30 * * * *", Direction::Forward, &["02:30"]),
    (Australia::LHI, "30 * * * *", Direction::Back, &["01:30"]),
    (Australia::LHI, "0 30 0-23 * * *", Direction::Forward, &["02:30"]),
    (Australia::LHI, "0 30 0-23 * * *", Direction::Back, &["01:30"]),
    (Australia::LHI, "15 */2 * * *", Direction::Back, &["02:15"]),
    (Australia::LHI, "0 30 0,1,23 * * *", Direction::Back, &["01:30"]),
    (
        Australia::LHI,
        "*/10 2 * * *",
        Direction::Back,
        &["02:00", "02:10", "02:20"],
    ),
    (Tz::NZCHAT, "*/10 2 * * *", Direction::Back, &["02:50"]),
    (
        Antarctica::Casey,
        "15 */2 * * *",
        Direction::Forward,
        &["04:15", "06:15"],
    ),
];

/// Where a clock is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Back,
}

#[derive(Clone, Copy)]
struct Question {
    pair: &'static Pair,
    zone: Tz,
    change: Change,
}

impl Question {
    fn bounds(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        let hours = TimeDelta::hours(self.pair.hours);
        (self.change.at - hours, self.change.at + hours)
    }

    fn ours(&self) -> Vec<i64> {
        let (skipped_hour, repeated_hour) = self.pair.policies;
        let timing = Timing {
            zone: self.zone,
            skipped_hour,
            repeated_hour,
            ..Timing::default()
        };
        let schedule = Schedule::new(self.pair.ours, timing).unwrap();
        let (after, until) = self.bounds();
        schedule
            .between(after, until)
            .map(|instant| instant.timestamp())
            .collect()
    }

    /// Those instants of ours that cronsim is known to miss.
    fn missed_by_cronsim(&self) -> Vec<i64> {
        let direction = if self.change.forward() > TimeDelta::zero() {
            Direction::Forward
        } else {
            Direction::Back
        };
        let asked = (self.zone, self.pair.theirs, direction);
        let times = MISSED_BY_CRONSIM
            .iter()
            .filter(|(zone, theirs, direction, _)| (*zone, *theirs, *direction) == asked)
            .flat_map(|(.., times)| times.iter());
        let date = self.change.local_after().date();
        let instants = times.map(|time| {
            let local = date.and_time(format!("{time}:00").parse().unwrap());
            (local.and_utc() - TimeDelta::seconds(self.change.offset_after)).timestamp()
        });
        instants.collect()
    }
}

fn questions() -> Vec<Question> {
    let changes = DISTINCT_CLOCKS
        .iter()
        .flat_map(|clocks| clocks.changes.iter().map(|change| (clocks.zone, *change)));
    changes
        .flat_map(|(zone, change)| PAIRS.iter().map(move |pair| Question { pair, zone, change }))
        .collect()
}

/// cronsim's answers, without repetitions, in the order of the questions.
fn ask_cronsim(questions: &[Question]) -> Vec<Vec<i64>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join(".tools/venv/bin/python");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schedule/ask_cronsim.py");
    let mut process = Command::new(&python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("no {} ({e}); fetch it with `make cronsim`", python.display()));
    let line = |question: &Question| {
        let (after, until) = question.bounds();
        let (zone, expression) = (question.zone, question.pair.theirs);
        format!(
            "{}\t{}\t{zone}\t{expression}\n",
            after.timestamp(),
            until.timestamp()
        )
    };
    let lines: String = questions.iter().map(line).collect();
    let mut input = process.stdin.take().unwrap();
    // From a thread, because both pipes are shorter than what goes through them.
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = process.wait_with_output().unwrap();
    let written = writer.join().unwrap();
    assert!(
        output.status.success() && written.is_ok(),
        "cronsim failed; fetch it with `make cronsim`"
    );
    let output = String::from_utf8(output.stdout).unwrap();
    let (versions, answers) = output.split_once('\n').unwrap();
    let expected = format!("cronsim 2.8, zones {}", chrono_tz::IANA_TZDB_VERSION);
    assert_eq!(versions, expected, "the Makefile says which versions are fetched");
    answers.lines().map(instants).collect()
}

fn instants(line: &str) -> Vec<i64> {
    let mut instants: Vec<_> = line
        .split_whitespace()
        .map(|second| second.parse().unwrap())
        .collect();
    instants.dedup();
    instants
}

#[test]
fn instants_are_those_of_cronsim_around_every_clock_change_of_every_zone() {
    let questions = questions();
    let answers = ask_cronsim(&questions);
    assert_eq!(answers.len(), questions.len());
    let mut compared = 0;
    for (question, theirs) in questions.iter().zip(answers) {
        let missed = question.missed_by_cronsim();
        let ours = question.ours();
        assert!(missed.iter().all(|instant| ours.contains(instant)));
        let expected: Vec<_> = ours
            .into_iter()
            .filter(|instant| !missed.contains(instant))
            .collect();
        let Question { pair, zone, change } = question;
        assert_eq!(
            expected, theirs,
            "{} as {} in {zone} at {change:?}",
            pair.theirs, pair.ours
        );
        compared += theirs.len();
    }
    assert!(compared > 100_000, "{compared}");
}
