//! Which lines some changes may change, asked of the tables.
//!
//! A change up to a sequence never undoes anything. So of the lines that no change names, it can only change those that
//! are not yet as it wants them before all of these changes, and those alone are asked for: by the partial indexes,
//! however many lines the person has. Of announcements, all up to that sequence are passed over, once for each person.

use std::collections::{BTreeMap, HashMap};

use domain::inbox::{Change, Target};
use sea_orm::sea_query::{
    Condition, Expr, ExprTrait as _, IntoCondition as _, JoinType, Query, SelectStatement, ValueTuple,
};
use uuid::Uuid;

use super::fold::Changed;
use super::{Tables, sequence_to};

/// How many people or pairs of values one statement asks with: below the 32,766 values that SQLite binds.
const PAIRS_A_STATEMENT: usize = 10_000;

/// Names within a question: of the pairs that are asked with, of announcements and of what people did with them.
const ASKED: &str = "asked";
const LINE: &str = "line";
const TOUCHED: &str = "touched";

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

    /// The question for announcements.
    pub(crate) fn general(&self, tables: &Tables) -> SelectStatement {
        let asked = |column| Expr::col((ASKED, column));
        let line = |column| Expr::col((LINE, column));
        let touched = |column| Expr::col((TOUCHED, column));
        let (pairs, found, state): (Vec<_>, _, _) = match self {
            Self::Named(pairs) => (
                pairs.iter().map(|(user, id)| pair(user, *id)).collect(),
                line("event_id").eq(asked("column2")),
                Condition::all(),
            ),
            Self::UpTo(change, people) => (
                people.iter().map(|(user, last)| pair(user, *last)).collect(),
                line("sequence").lte(asked("column2")),
                touched(instant_of(*change)).is_null().into_condition(),
            ),
        };
        let of_person = Condition::all()
            .add(touched("user_id").eq(asked("column1")))
            .add(touched("event_id").eq(line("event_id")));
        Query::select()
            .expr_as(asked("column1"), "user_id")
            .columns([(LINE, "event_id"), (LINE, "sequence")])
            .columns([
                (TOUCHED, "seen_at"),
                (TOUCHED, "read_at"),
                (TOUCHED, "archived_at"),
            ])
            .from_values(pairs, ASKED)
            .join_as(JoinType::InnerJoin, tables.announcements, LINE, found)
            .join_as(JoinType::LeftJoin, tables.announcement_states, TOUCHED, of_person)
            .cond_where(state)
            .take()
    }
}

/// What says that it is done.
fn instant_of(change: Change) -> &'static str {
    match change {
        Change::Seen => "seen_at",
        Change::Read | Change::Unread => "read_at",
        Change::Archived | Change::Unarchived => "archived_at",
    }
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

fn pair(user: &str, by: impl Into<sea_orm::Value>) -> ValueTuple {
    ValueTuple::Two(user.into(), by.into())
}

fn parts<T: Clone>(all: &[T]) -> impl Iterator<Item = Vec<T>> {
    all.chunks(PAIRS_A_STATEMENT).map(<[T]>::to_vec)
}
