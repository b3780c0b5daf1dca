//! Cron in time zones.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

mod against_cronsim;
mod expressions;
mod search;
mod transitions;
mod zones;

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use domain::schedule::{Schedule, Timing};

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn text(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn in_zone(expression: &str, zone: Tz) -> Schedule {
    let timing = Timing {
        zone,
        ..Timing::default()
    };
    Schedule::new(expression, timing).unwrap()
}

/// The instants after one and up to another, as texts.
fn instants(schedule: &Schedule, after: &str, until: &str) -> Vec<String> {
    schedule.between(utc(after), utc(until)).map(text).collect()
}
