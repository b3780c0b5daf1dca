//! From everything that the log says to and of some people to their rows, in their final state. No IO.

use domain::entry::Entry;
use domain::inbox::State;
use hashbrown::{HashMap, HashSet};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{ActiveModelTrait, DbBackend, DbErr, Iterable as _};
use uuid::Uuid;

use super::copy::{self, CopiedRows};
use super::lines;
use super::shape::REBUILD;
use crate::Store;
use crate::entity::{announcement, announcement_state, notification, preferences, set_aside};
use crate::inbox::Audience;
use crate::projection::fold::{Changed, Fold};
use crate::projection::rows::{self, Personal};
use crate::projection::states::{ChangedLine, Lines};
use crate::projection::{Logged, ProjectedBatch, Reach, preferences as wanted, sequence_from, sequence_to};

/// How many rows SQLite gets in one transaction, for which everybody else who writes waits.
const ROWS_A_TRANSACTION: usize = 5_000;

/// Makes rows, on any thread.
#[derive(Debug, Clone, Copy)]
pub struct Maker {
    backend: DbBackend,
}

/// What was announced to everybody, which people may have read or put away.
#[derive(Debug, Clone, Default)]
pub struct Announced(HashMap<Uuid, i64>);

/// Rows, ready to be loaded.
#[derive(Debug)]
pub struct Prepared(pub(super) Form);

/// In the form that the database takes.
#[derive(Debug)]
pub(super) enum Form {
    Copy(CopiedRows),
    Rows(Box<Rows>),
}

/// Rows in their final state.
struct Final<'a> {
    notifications: Vec<(Personal<'a>, State)>,
    announcements: Vec<announcement::ActiveModel>,
    announcement_states: Vec<ChangedLine<'a>>,
    preferences: Vec<preferences::ActiveModel>,
    set_aside: Vec<set_aside::ActiveModel>,
}

/// The same, as sea-orm inserts them.
#[derive(Debug)]
pub(super) struct Rows {
    notifications: Vec<notification::ActiveModel>,
    announcements: Vec<announcement::ActiveModel>,
    announcement_states: Vec<announcement_state::ActiveModel>,
    preferences: Vec<preferences::ActiveModel>,
    set_aside: Vec<set_aside::ActiveModel>,
}

impl Announced {
    /// All of what these entries say to everybody; the first of an event counts.
    pub fn of(entries: &[Logged]) -> Self {
        let mut announced = HashMap::new();
        for logged in entries {
            if let Entry::Told(told) = &logged.entry {
                let id = told.notification.event_id;
                announced
                    .entry(id)
                    .or_insert_with(|| sequence_to(logged.sequence));
            }
        }
        Self(announced)
    }
}

impl Store {
    /// What makes rows for tables of this database.
    pub fn row_maker(&self) -> Maker {
        Maker {
            backend: self.connection().get_database_backend(),
        }
    }
}

impl Maker {
    /// Why the database would refuse the row of an entry, if it would. What it has to be told of is a row that projecting
    /// would set aside.
    pub fn refuses(self, logged: &Logged) -> Option<&'static str> {
        let Entry::Told(told) = &logged.entry else {
            return None;
        };
        let row = &told.notification;
        let texts = [&row.event_type, &row.subject, &row.title, &row.body, &row.locale];
        let nul = texts
            .into_iter()
            .chain(&told.link)
            .any(|text| text.contains('\0'));
        (nul && self.backend == DbBackend::Postgres)
            .then_some("the database failed while writing notifications: a text has a NUL in it")
    }

    /// The rows of the people whom these messages are to and of. It must have all of them, in the order of the log, with
    /// everything that was announced.
    pub fn prepare(self, batch: &ProjectedBatch, announced: &Announced) -> Prepared {
        let rows = Final::of(batch, announced);
        Prepared(match self.backend {
            DbBackend::Postgres => Form::Copy(rows.encode()),
            _ => Form::Rows(Box::new(rows.into())),
        })
    }

    /// The same rows, as a JSON object each.
    pub fn describe(self, batch: &ProjectedBatch, announced: &Announced) -> Vec<String> {
        let rows = Rows::from(Final::of(batch, announced));
        lines::of("notifications", rows.notifications)
            .chain(lines::of("announcements", rows.announcements))
            .chain(lines::of("announcement_states", rows.announcement_states))
            .chain(lines::of("preferences", rows.preferences))
            .chain(lines::of("set_aside", rows.set_aside))
            .collect()
    }
}

impl<'a> Final<'a> {
    fn of(batch: &'a ProjectedBatch, announced: &Announced) -> Self {
        // Nobody else's preferences matter, and theirs are all in the batch.
        let known = HashMap::new();
        let Fold {
            mut notifications,
            mut announcements,
            changes,
            preferences,
        } = Fold::of(&batch.entries, &known);
        first_of_each_event(&mut notifications, |told| told.notification.event_id);
        first_of_each_event(&mut announcements, |row| *row.event_id.as_ref());
        let mut notifications: Vec<_> = notifications
            .into_iter()
            .map(|told| (told, State::default()))
            .collect();
        let announcement_states = change(&mut notifications, &changes, announced);
        let preferences = preferences
            .into_iter()
            .map(|(user, (sequence, preferences))| wanted::row(user, sequence, preferences));
        Self {
            preferences: preferences.collect(),
            set_aside: batch.set_aside.iter().map(rows::unreadable).collect(),
            notifications,
            announcements,
            announcement_states,
        }
    }

    fn encode(self) -> CopiedRows {
        let notifications = copy::notifications(REBUILD.notifications, &self.notifications);
        let others = vec![
            copy::encode::<announcement::Entity, _>(REBUILD.announcements, self.announcements),
            copy::announcement_states(REBUILD.announcement_states, &self.announcement_states),
            copy::encode::<preferences::Entity, _>(REBUILD.preferences, self.preferences),
            copy::encode::<set_aside::Entity, _>(REBUILD.set_aside, self.set_aside),
        ];
        CopiedRows {
            notifications,
            others,
        }
    }
}

impl From<Final<'_>> for Rows {
    fn from(rows: Final<'_>) -> Self {
        let notifications = rows.notifications.iter().map(|(told, state)| {
            let mut row = rows::personal(told);
            row.seen_at = Set(state.seen_at);
            row.read_at = Set(state.read_at);
            row.archived_at = Set(state.archived_at);
            row
        });
        Self {
            notifications: notifications.collect(),
            announcements: rows.announcements,
            announcement_states: rows.announcement_states.iter().map(touched).collect(),
            preferences: rows.preferences,
            set_aside: rows.set_aside,
        }
    }
}

impl Rows {
    /// Inserts them into SQLite. People come in no order here, and so do two messages with the same event, one to each
    /// of two people, which only somebody who publishes by hand can have stored: the earlier one is to stay.
    pub(super) async fn insert(self, store: &Store) -> Result<(), DbErr> {
        let Self {
            notifications,
            announcements,
            announcement_states,
            preferences,
            set_aside,
        } = self;
        let mut earlier = OnConflict::column("event_id");
        earlier
            .update_columns(notification::Column::iter())
            .action_and_where(
                Expr::col(("excluded", "sequence")).lt(Expr::col((REBUILD.notifications, "sequence"))),
            );
        let none = OnConflict::new().do_nothing().to_owned();
        insert(store, REBUILD.notifications, notifications, &earlier).await?;
        insert(store, REBUILD.announcements, announcements, &none).await?;
        insert(store, REBUILD.announcement_states, announcement_states, &none).await?;
        insert(store, REBUILD.preferences, preferences, &none).await?;
        insert(store, REBUILD.set_aside, set_aside, &none).await
    }
}

async fn insert<A: ActiveModelTrait>(
    store: &Store,
    table: &'static str,
    mut rows: Vec<A>,
    on_conflict: &OnConflict,
) -> Result<(), DbErr> {
    while !rows.is_empty() {
        let rest = rows.split_off(rows.len().min(ROWS_A_TRANSACTION));
        let transaction = store.begin_write().await?;
        rows::insert(&transaction, table, rows, on_conflict).await?;
        transaction.commit().await?;
        rows = rest;
    }
    Ok(())
}

fn first_of_each_event<R>(rows: &mut Vec<R>, event_id: impl Fn(&R) -> Uuid) {
    let mut known = HashSet::with_capacity(rows.len());
    rows.retain(|row| known.insert(event_id(row)));
}

/// Applies the changes to the rows, and says what they make of announcements.
fn change<'a>(
    notifications: &mut [(Personal<'a>, State)],
    changes: &[Changed<'a>],
    announced: &Announced,
) -> Vec<ChangedLine<'a>> {
    let active: HashSet<&'a str> = changes
        .iter()
        .map(|changed| changed.change.user.as_str())
        .collect();
    let mut lines = Lines::default();
    let mut places = HashMap::new();
    for (at, (told, state)) in notifications.iter().enumerate() {
        let (user, id) = (told.user.as_str(), told.notification.event_id);
        if active.contains(user) {
            lines.add(user, (Audience::Personal, id), told.sequence, *state);
            places.insert(id, at);
        }
    }
    for reach in Reach::of(changes) {
        for (user, id) in reach.of_everybody(&announced.0) {
            let sequence = announced
                .0
                .get(&id)
                .map_or(0, |sequence| sequence_from(*sequence));
            lines.add(user, (Audience::Everybody, id), sequence, State::default());
        }
    }
    lines.apply(changes);
    let mut announcement_states = Vec::new();
    for line in lines.changed() {
        let place = places.get(&line.event_id);
        match (line.audience, place, active.get(line.user)) {
            (Audience::Personal, Some(at), _) => notifications[*at].1 = line.state,
            (Audience::Everybody, _, Some(user)) => {
                announcement_states.push(ChangedLine { user, ..line });
            }
            _ => {}
        }
    }
    announcement_states
}

fn touched(line: &ChangedLine<'_>) -> announcement_state::ActiveModel {
    announcement_state::ActiveModel {
        user_id: Set(line.user.to_owned()),
        event_id: Set(line.event_id),
        seen_at: Set(line.state.seen_at),
        read_at: Set(line.state.read_at),
        archived_at: Set(line.state.archived_at),
    }
}
