//! What may be asked for.

use chrono::{DateTime, TimeDelta, Utc};
use domain::inbox::{Change, MAX_NAMED, Target};
use proto_schemas::Cursor;
use serde::Deserialize;
use service_kit::problem::Problem;
use store::inbox::{Filter, StateFilter};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::freshness::parse;
use crate::told::check_type;

/// The most notifications on one page.
const MAX_LIMIT: u64 = 200;

const DEFAULT_LIMIT: u64 = 50;

/// The most types that a list is narrowed to.
const MAX_TYPES: usize = 64;

/// Which page of which notifications, as it is written. A type may be named several times, which is why it is read by hand.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes what Listed reads")]
pub(crate) struct ListQuery {
    /// How many at the most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u64>,
    /// The `next` of the page before; without, the newest.
    #[param(example = "k3v9x2ma.1024", max_length = 128)]
    before: Option<String>,
    /// Answer only once everything up to this cursor is in the answer.
    #[param(example = "k3v9x2ma.1024", max_length = 128)]
    at_least: Option<String>,
    /// In which state: not archived (`inbox`, the default), of those the `unread`, `read` or `unseen` ones, the `archived`
    /// ones, or `all`.
    #[param(inline)]
    state: Option<StateName>,
    /// Of which type; may be there several times.
    #[param(rename = "type", explode, max_items = 64, example = json!(["lastcall.coupon.expiring.v1"]))]
    event_type: Option<Vec<String>>,
    /// What happened then (RFC 3339) or so long ago (`2h`), or later.
    #[param(example = "2h")]
    since: Option<String>,
}

/// A state to look for.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum StateName {
    Inbox,
    Unread,
    Read,
    Unseen,
    Archived,
    All,
}

/// Which page of which notifications.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) limit: u64,
    pub(crate) before: Option<Cursor>,
    pub(crate) at_least: Option<String>,
    pub(crate) filter: Filter,
}

impl Listed {
    /// Reads the pairs of a query.
    pub(crate) fn read(query: Vec<(String, String)>, now: DateTime<Utc>) -> Result<Self, Problem> {
        let mut listed = Self {
            limit: DEFAULT_LIMIT,
            before: None,
            at_least: None,
            filter: Filter::default(),
        };
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in query {
            if name != "type" && seen.contains(&name) {
                return Err(Problem::malformed(format!("{name} is there more than once")));
            }
            listed.take(&name, value, now)?;
            seen.push(name);
        }
        Ok(listed)
    }

    fn take(&mut self, name: &str, value: String, now: DateTime<Utc>) -> Result<(), Problem> {
        match name {
            "limit" => self.limit = limit(&value)?,
            "before" => self.before = Some(parse("before", &value)?),
            "at_least" => self.at_least = Some(value),
            "state" => self.filter.state = state(&value)?,
            "type" => {
                check_type(&value).map_err(|unknown| Problem::malformed(format!("type: {unknown}")))?;
                if self.filter.event_types.len() == MAX_TYPES {
                    return Err(Problem::malformed(format!(
                        "type is there more than {MAX_TYPES} times"
                    )));
                }
                self.filter.event_types.push(value);
            }
            "since" => self.filter.since = Some(since(&value, now)?),
            _ => {
                return Err(Problem::malformed(format!(
                    "{name} is no parameter; there are limit, before, at_least, state, type and since"
                )));
            }
        }
        Ok(())
    }
}

fn limit(value: &str) -> Result<u64, Problem> {
    let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or_else(|| Problem::malformed(format!("limit is {value:?}; it goes from 1 to {MAX_LIMIT}")))
}

fn state(value: &str) -> Result<StateFilter, Problem> {
    match value {
        "inbox" => Ok(StateFilter::Inbox),
        "unread" => Ok(StateFilter::Unread),
        "read" => Ok(StateFilter::Read),
        "unseen" => Ok(StateFilter::Unseen),
        "archived" => Ok(StateFilter::Archived),
        "all" => Ok(StateFilter::All),
        _ => Err(Problem::malformed(
            "state is one of inbox, unread, read, unseen, archived and all",
        )),
    }
}

fn since(value: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Problem> {
    let ago = humantime::parse_duration(value).ok();
    let ago = ago.and_then(|ago| TimeDelta::from_std(ago).ok());
    let instant = match ago {
        Some(ago) => now.checked_sub_signed(ago),
        // A `+` that nobody encoded arrives as a space.
        None => DateTime::parse_from_rfc3339(&value.trim().replace(' ', "+"))
            .ok()
            .map(|instant| instant.to_utc()),
    };
    instant.filter(is_storable).ok_or_else(|| {
        Problem::malformed("since is neither a time (2026-11-21T09:00:00Z) nor a duration (90s, 2h 30m)")
    })
}

/// PostgreSQL compares with no time before 4713 BC.
fn is_storable(instant: &DateTime<Utc>) -> bool {
    (DateTime::UNIX_EPOCH..=DateTime::<Utc>::MAX_UTC).contains(instant)
}

/// What is to be done with notifications: with those named by `ids`, or with all up to `up_to`, announcements included.
/// Exactly one of the two is there.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StateRequest {
    pub(crate) change: ChangeName,
    /// The events' ids.
    #[schema(min_items = 1, max_items = 200)]
    ids: Option<Vec<Uuid>>,
    /// A cursor. Only with `seen`, `read` and `archived`.
    #[schema(example = "k3v9x2ma.1024", max_length = 128)]
    up_to: Option<String>,
}

/// What can be done with a notification. Each says how it is to be, so that doing it again changes nothing: `seen` once it
/// was shown; `read`, and thereby seen; `unread` again; `archived`, put away and thereby seen; `unarchived`, taken back.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ChangeName {
    Seen,
    Read,
    Unread,
    Archived,
    Unarchived,
}

/// With which notifications something is to be done, as it is asked for.
#[derive(Debug)]
pub(crate) enum Wanted {
    Named(Vec<Uuid>),
    UpTo(Cursor),
}

impl StateRequest {
    /// The same ids in any order, and also twice, are the same request.
    pub(crate) fn wanted(self) -> Result<Wanted, Problem> {
        match (self.ids, self.up_to) {
            (Some(mut ids), None) => {
                if !(1..=MAX_NAMED).contains(&ids.len()) {
                    let found = ids.len();
                    return Err(Problem::malformed(format!(
                        "ids has {found} ids; 1 to {MAX_NAMED} can be named"
                    )));
                }
                ids.sort_unstable();
                ids.dedup();
                Ok(Wanted::Named(ids))
            }
            (None, Some(_)) if !Change::from(self.change).can_be_for_all() => Err(Problem::malformed(
                "up_to goes with seen, read and archived; name what is to be unread or unarchived by its ids",
            )),
            (None, Some(up_to)) => Ok(Wanted::UpTo(parse("up_to", &up_to)?)),
            _ => Err(Problem::malformed("exactly one of ids and up_to must be there")),
        }
    }
}

impl From<Wanted> for Target {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Named(ids) => Self::Named(ids),
            Wanted::UpTo(cursor) => Self::UpTo(cursor.sequence),
        }
    }
}

impl From<ChangeName> for Change {
    fn from(change: ChangeName) -> Self {
        match change {
            ChangeName::Seen => Self::Seen,
            ChangeName::Read => Self::Read,
            ChangeName::Unread => Self::Unread,
            ChangeName::Archived => Self::Archived,
            ChangeName::Unarchived => Self::Unarchived,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Listed, Problem> {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Listed::read(
            pairs.collect(),
            DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        )
    }

    #[test]
    fn a_list_is_narrowed_by_state_types_and_age() {
        let (coupon, alert) = ("lastcall.coupon.expiring.v1", "lastcall.alert.due.v1");
        let listed = read(&[
            ("type", coupon),
            ("state", "unread"),
            ("type", alert),
            ("since", "90s"),
        ])
        .unwrap();
        assert_eq!(listed.filter.event_types, [coupon, alert]);
        assert_eq!(listed.filter.state, StateFilter::Unread);
        assert_eq!(listed.filter.since.unwrap().timestamp(), 1_799_999_910);
        let since = |text| {
            read(&[("since", text)])
                .unwrap()
                .filter
                .since
                .unwrap()
                .timestamp()
        };
        for text in [
            "2027-01-15T08:00:00Z",
            "2027-01-15T17:00:00+09:00",
            "2027-01-15T17:00:00 09:00",
        ] {
            assert_eq!(since(text), 1_800_000_000, "{text}");
        }
        assert_eq!(read(&[]).unwrap().filter, Filter::default());
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_name() {
        for (pairs, named) in [
            (&[("limit", "0")][..], "limit"),
            (&[("limit", "1"), ("limit", "2")], "limit"),
            (&[("state", "lost")], "state"),
            (
                &[("type", "lastcall.coupon.lost.v1")],
                "lastcall.coupon.expiring.v1",
            ),
            (
                &[("type", "lastcall.preferences.changed.v1")],
                "lastcall.coupon.expiring.v1",
            ),
            (&[("since", "yesterday")], "since"),
            (&[("since", "99999999999y")], "since"),
            (&[("since", "0000-01-01T00:00:00Z")], "since"),
            (&[("page", "2")], "page"),
        ] {
            let problem = read(pairs).unwrap_err();
            assert!(problem.detail.contains(named), "{pairs:?}: {}", problem.detail);
        }
    }
}
