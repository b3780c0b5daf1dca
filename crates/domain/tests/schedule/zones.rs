//! Every zone that is known, and its clock changes from 2020 to 2035.

use std::collections::HashMap;
use std::sync::LazyLock;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::utc;

/// An instant at which a clock is put forward or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Change {
    pub(crate) at: DateTime<Utc>,
    /// In seconds east of Greenwich.
    pub(crate) offset_before: i64,
    pub(crate) offset_after: i64,
}

/// Zones whose clocks show the same through all these years.
#[derive(Debug)]
pub(crate) struct Clocks {
    /// One of the zones.
    pub(crate) zone: Tz,
    pub(crate) changes: Vec<Change>,
}

impl Change {
    /// How far the clock is put forward; negative where it is put back.
    pub(crate) fn forward(&self) -> TimeDelta {
        TimeDelta::seconds(self.offset_after - self.offset_before)
    }

    /// What the clock would show at the change had it not been changed.
    pub(crate) fn local_before(&self) -> NaiveDateTime {
        self.at.naive_utc() + TimeDelta::seconds(self.offset_before)
    }

    /// What the clock shows at the change.
    pub(crate) fn local_after(&self) -> NaiveDateTime {
        self.at.naive_utc() + TimeDelta::seconds(self.offset_after)
    }
}

pub(crate) fn offset(zone: Tz, instant: DateTime<Utc>) -> i64 {
    (local(zone, instant) - instant.naive_utc()).num_seconds()
}

pub(crate) fn local(zone: Tz, instant: DateTime<Utc>) -> NaiveDateTime {
    instant.with_timezone(&zone).naive_local()
}

/// Zones that differ in name only, or in what they did before 2020, are one.
pub(crate) static DISTINCT_CLOCKS: LazyLock<Vec<Clocks>> = LazyLock::new(|| {
    let mut seen = HashMap::new();
    for zone in TZ_VARIANTS {
        let changes = changes(zone);
        let first_offset = offset(zone, utc("2020-01-01T00:00:00Z"));
        seen.entry((first_offset, changes)).or_insert(zone);
    }
    let mut clocks: Vec<_> = seen
        .into_iter()
        .map(|((_, changes), zone)| Clocks { zone, changes })
        .collect();
    clocks.sort_by_key(|clocks| clocks.zone.name());
    // Of about six hundred names; a mistake above would leave one or all of them.
    assert!((50..200).contains(&clocks.len()), "{}", clocks.len());
    clocks
});

fn changes(zone: Tz) -> Vec<Change> {
    let mut found = Vec::new();
    let mut from = utc("2020-01-01T00:00:00Z");
    let mut offset_before = offset(zone, from);
    while from < utc("2036-01-01T00:00:00Z") {
        let to = from + TimeDelta::days(1);
        let offset_after = offset(zone, to);
        if offset_after != offset_before {
            let at = first_second_with(zone, offset_after, from, to);
            found.push(Change {
                at,
                offset_before,
                offset_after,
            });
            offset_before = offset_after;
        }
        from = to;
    }
    found
}

fn first_second_with(zone: Tz, wanted: i64, mut from: DateTime<Utc>, mut to: DateTime<Utc>) -> DateTime<Utc> {
    while to - from > TimeDelta::seconds(1) {
        let middle = from + TimeDelta::seconds((to - from).num_seconds() / 2);
        if offset(zone, middle) == wanted {
            to = middle;
        } else {
            from = middle;
        }
    }
    to
}
