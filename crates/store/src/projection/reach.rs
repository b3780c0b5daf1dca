//! Which lines some changes may change, asked of the tables.
//!
//! A change up to a sequence never undoes anything. So of the lines that no change names, it can only change those that
//! are not yet as it wants them before all of these changes, and those alone are asked for: by the partial indexes,
//! however many lines the person has. Of announcements, all up to that sequence are passed over, once for each person.

use std::collections::{BTreeMap, HashMap};

use domain::inbox::{Change, Target};
use sea_orm::Value;
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, JoinType, Query, SelectStatement, ValueTuple};

use super::fold::Changed;
use super::{Tables, sequence_to};

/// How many pairs one statement asks with: below the 32,766 values that SQLite binds.
const PAIRS_A_STATEMENT: usize = 10_000;

/// People, each with an event id or a sequence, and how lines are found by that.
pub(super) struct Reach {
    pairs: Vec<ValueTuple>,
    by: By,
}

#[derive(Clone, Copy)]
enum By {
    EventId,
    /// All up to it to which this is still to be done.
    Sequence(Change),
}

/// Conditions on the lines asked for, below these names.
const ASKED: &str = "asked";
const LINE: &str = "line";
const STATE: &str = "state";

impl Reach {
    /// All that these may change, in few questions.
    pub(super) fn of(changes: &[Changed<'_>]) -> Vec<Self> {
        let mut named = Vec::new();
        let mut up_to: HashMap<Change, BTreeMap<&str, u64>> = HashMap::new();
        for Changed { change, .. } in changes {
            let user = change.user.as_str();
            match &change.target {
                Target::Named(ids) => named.extend(ids.iter().map(|id| pair(user, *id))),
                Target::UpTo(sequence) => {
                    let last = up_to.entry(change.change).or_default().entry(user).or_default();
                    *last = Ord::max(*last, *sequence);
                }
            }
        }
        let up_to = up_to.into_iter().map(|(change, people)| {
            let pairs = people
                .into_iter()
                .map(|(user, last)| pair(user, sequence_to(last)));
            (By::Sequence(change), pairs.collect())
        });
        let all = up_to.chain([(By::EventId, named)]);
        all.flat_map(|(by, pairs): (By, Vec<ValueTuple>)| {
            let parts = pairs.chunks(PAIRS_A_STATEMENT).map(<[_]>::to_vec);
            parts.map(|pairs| Self { pairs, by }).collect::<Vec<_>>()
        })
        .collect()
    }

    /// Questions for people's own lines.
    pub(super) fn own(&self, tables: &Tables) -> Vec<SelectStatement> {
        let conditions = match self.by {
            By::EventId => vec![Condition::all()],
            By::Sequence(Change::Seen) => vec![absent(LINE, &["seen_at", "archived_at"])],
            // Each by an index of its own: one for both there is none.
            By::Sequence(Change::Read) => vec![
                absent(LINE, &["read_at", "archived_at"]),
                absent(LINE, &["read_at"]).add(Expr::col((LINE, "archived_at")).is_not_null()),
            ],
            By::Sequence(_) => vec![absent(LINE, &["archived_at"])],
        };
        let ask = |condition: Condition| {
            let of_person = Expr::col((LINE, "user_id")).eq(Expr::col((ASKED, "column1")));
            let reached = self.reached().add(of_person).add(condition);
            self.lines(LINE)
                .join_as(JoinType::InnerJoin, tables.notifications, LINE, reached)
                .take()
        };
        conditions.into_iter().map(ask).collect()
    }

    /// The question for announcements.
    pub(super) fn general(&self, tables: &Tables) -> SelectStatement {
        let touched = Condition::all()
            .add(Expr::col((STATE, "user_id")).eq(Expr::col((ASKED, "column1"))))
            .add(Expr::col((STATE, "event_id")).eq(Expr::col((LINE, "event_id"))));
        let condition = match self.by {
            By::EventId => Condition::all(),
            By::Sequence(Change::Seen) => absent(STATE, &["seen_at"]),
            By::Sequence(Change::Read) => absent(STATE, &["read_at"]),
            By::Sequence(_) => absent(STATE, &["archived_at"]),
        };
        self.lines(STATE)
            .join_as(JoinType::InnerJoin, tables.announcements, LINE, self.reached())
            .join_as(JoinType::LeftJoin, tables.announcement_states, STATE, touched)
            .cond_where(condition)
            .take()
    }

    fn lines(&self, state: &'static str) -> SelectStatement {
        Query::select()
            .expr_as(Expr::col((ASKED, "column1")), "user_id")
            .columns([(LINE, "event_id"), (LINE, "sequence")])
            .columns([(state, "seen_at"), (state, "read_at"), (state, "archived_at")])
            .from_values(self.pairs.iter().cloned(), ASKED)
            .take()
    }

    fn reached(&self) -> Condition {
        let asked = Expr::col((ASKED, "column2"));
        Condition::all().add(match self.by {
            By::EventId => Expr::col((LINE, "event_id")).eq(asked),
            By::Sequence(_) => Expr::col((LINE, "sequence")).lte(asked),
        })
    }
}

fn pair(user: &str, by: impl Into<Value>) -> ValueTuple {
    ValueTuple::Two(user.into(), by.into())
}

fn absent(table: &'static str, columns: &[&'static str]) -> Condition {
    let conditions = columns.iter().map(|column| Expr::col((table, *column)).is_null());
    conditions.fold(Condition::all(), Condition::add)
}
