//! When the clocks of a zone are changed.
//!
//! `chrono_tz` tells the offset at an instant and keeps its table of changes to itself, so that a change is found by
//! looking at the offset from day to day and then by bisection.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;

/// No clock has ever been put back or forward by more. Changes are never so close to each other that one undoes the
/// other within it.
pub(super) const REACH: TimeDelta = TimeDelta::hours(25);

/// An instant at which the clock is put forward or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    /// The first instant with the new offset.
    pub at: DateTime<Utc>,
    /// What the clock would show then with the old offset.
    pub shown_before: NaiveDateTime,
    /// What it shows.
    pub shown_after: NaiveDateTime,
}

/// What the clock shows at an instant.
pub(super) fn local(zone: Tz, instant: DateTime<Utc>) -> NaiveDateTime {
    instant.with_timezone(&zone).naive_local()
}

/// The first change after one instant and up to another.
pub(super) fn first_change(zone: Tz, after: DateTime<Utc>, until: DateTime<Utc>) -> Option<Change> {
    let mut from = after;
    while from < until {
        let to = until.min(from + REACH);
        if offset(zone, from) != offset(zone, to) {
            let before = offset(zone, from);
            return Some(bisect(zone, from, to, |offset| offset == before));
        }
        from = to;
    }
    None
}

/// The last change after one instant and up to another.
pub(super) fn last_change(zone: Tz, after: DateTime<Utc>, until: DateTime<Utc>) -> Option<Change> {
    let mut to = until;
    while after < to {
        let from = after.max(to - REACH);
        if offset(zone, from) != offset(zone, to) {
            let after = offset(zone, to);
            return Some(bisect(zone, from, to, |offset| offset != after));
        }
        to = from;
    }
    None
}

fn offset(zone: Tz, instant: DateTime<Utc>) -> TimeDelta {
    local(zone, instant) - instant.naive_utc()
}

/// The change between an instant whose offset is an old one and an instant whose offset is not.
fn bisect(zone: Tz, from: DateTime<Utc>, to: DateTime<Utc>, is_old: impl Fn(TimeDelta) -> bool) -> Change {
    let (mut old, mut new) = (from.timestamp(), to.timestamp());
    let at = |second| from + TimeDelta::seconds(second - from.timestamp());
    while new - old > 1 {
        let middle = old + (new - old) / 2;
        if is_old(offset(zone, at(middle))) {
            old = middle;
        } else {
            new = middle;
        }
    }
    Change {
        at: at(new),
        shown_before: at(new).naive_utc() + offset(zone, at(old)),
        shown_after: local(zone, at(new)),
    }
}
