//! Which lines some changes may change, asked of the tables.
//!
//! A change up to a sequence never undoes anything. So of the lines that no change names, it can only change those that
//! are not yet as it wants them before all of these changes, and those alone are asked for: by the partial indexes,
//! however many lines the person has. Of announcements, which are few, all up to that sequence are passed over for each
//! person.

use std::collections::{BTreeMap, BTreeSet};

use domain::inbox::{Change, Target};
use hashbrown::HashMap;
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Query, SelectStatement};
use uuid::Uuid;

use super::fold::Changed;
use super::{Tables, sequence_to};

/// How many people or pairs of values one statement asks with: below the 32,766 values that SQLite binds.
const PAIRS_A_STATEMENT: usize = 10_000;

/// How lines are found.
pub(crate) enum Reach<'a> {
    /// By person and event.
    Named(Vec<(&'a str, Uuid)>),
    /// By person and last sequence, where this is still to be done.
    UpTo(Change, Vec<(&'a str, i64)>),
}

impl<'a> Reach<'a> {
    /// All that these may change, in few questions.
    pub(crate) fn of(changes: &[Changed<'a>]) -> Vec<Self> {
        let mut named = Vec::new();
        let mut up_to: HashMap<Change, BTreeMap<&str, i64>> = HashMap::new();
        for Changed { change, .. } in changes {
            let user = change.user.as_str();
            match &change.target {
                Target::Named(ids) => named.extend(ids.iter().map(|id| (user, *id))),
                Target::UpTo(sequence) => {
                    let last = up_to.entry(change.change).or_default().entry(user).or_default();
                    *last = Ord::max(*last, sequence_to(*sequence));
                }
            }
        }
        let mut all: Vec<Self> = parts(&named).map(Self::Named).collect();
        for (change, people) in up_to {
            let people: Vec<_> = people.into_iter().collect();
            all.extend(parts(&people).map(|people| Self::UpTo(change, people)));
        }
        all
    }

    /// Questions for people's own lines. They may find more: lines of others that are named, and what came since.
    pub(crate) fn own(&self, tables: &Tables) -> Vec<SelectStatement> {
        let ask = |found| {
            Query::select()
                .columns([
                    "user_id",
                    "event_id",
                    "sequence",
                    "seen_at",
                    "read_at",
                    "archived_at",
                ])
                .from(tables.notifications)
                .cond_where(found)
                .take()
        };
        match self {
            Self::Named(pairs) => {
                let ids = pairs.iter().map(|(_, id)| *id);
                vec![ask(Condition::all().add(Expr::col("event_id").is_in(ids)))]
            }
            Self::UpTo(change, people) => {
                // One list of people and one bound for all: PostgreSQL, asked with pairs, would rather read everybody's
                // unread lines as long as it has no statistics.
                let last = people.iter().map(|(_, last)| *last).max();
                let of_people = Condition::all()
                    .add(Expr::col("user_id").is_in(people.iter().map(|(user, _)| *user)))
                    .add(Expr::col("sequence").lte(last));
                let to_be_done = to_be_done(*change).into_iter();
                to_be_done
                    .map(|state| ask(of_people.clone().add(state)))
                    .collect()
            }
        }
    }

    /// The question for announcements: which of them are meant at all.
    pub(crate) fn announcements(&self, tables: &Tables) -> SelectStatement {
        let meant = match self {
            Self::Named(pairs) => Expr::col("event_id").is_in(pairs.iter().map(|(_, id)| *id)),
            Self::UpTo(_, people) => Expr::col("sequence").lte(people.iter().map(|(_, last)| *last).max()),
        };
        Query::select()
            .columns(["event_id", "sequence"])
            .from(tables.announcements)
            .and_where(meant)
            .take()
    }

    /// Who may change which of these announcements, given with their sequences.
    pub(crate) fn of_everybody(&self, announcements: &HashMap<Uuid, i64>) -> Vec<(&'a str, Uuid)> {
        match self {
            Self::Named(pairs) => {
                let meant = pairs.iter().filter(|(_, id)| announcements.contains_key(id));
                meant.copied().collect()
            }
            Self::UpTo(_, people) => {
                let up_to = people.iter().flat_map(|(user, last)| {
                    let meant = announcements
                        .iter()
                        .filter(move |(_, sequence)| *sequence <= last);
                    meant.map(move |(id, _)| (*user, *id))
                });
                up_to.collect()
            }
        }
    }
}

/// The question for what people did with announcements. It finds more than these pairs: nobody is named with an announcement.
///
/// A question by itself, of people's ids: joined to the announcements, PostgreSQL would rather look for the few ids of those,
/// in everybody's rows.
pub(crate) fn touched(pairs: &[(&str, Uuid)], tables: &Tables) -> SelectStatement {
    let people: BTreeSet<&str> = pairs.iter().map(|(user, _)| *user).collect();
    Query::select()
        .columns(["user_id", "event_id", "seen_at", "read_at", "archived_at"])
        .from(tables.announcement_states)
        .and_where(Expr::col("user_id").is_in(people))
        .take()
}

/// In which states it is still to be done, each in the words of an index. What is not seen is neither read nor archived.
fn to_be_done(change: Change) -> Vec<Condition> {
    let absent = |columns: &[&'static str]| {
        let all = columns.iter().map(|column| Expr::col(*column).is_null());
        all.fold(Condition::all(), Condition::add)
    };
    match change {
        Change::Seen => vec![absent(&["read_at", "archived_at", "seen_at"])],
        Change::Read | Change::Unread => {
            let archived = Expr::col("archived_at").is_not_null();
            vec![
                absent(&["read_at", "archived_at"]),
                absent(&["read_at"]).add(archived),
            ]
        }
        Change::Archived | Change::Unarchived => vec![absent(&["archived_at"])],
    }
}

fn parts<T: Clone>(all: &[T]) -> impl Iterator<Item = Vec<T>> {
    all.chunks(PAIRS_A_STATEMENT).map(<[T]>::to_vec)
}
