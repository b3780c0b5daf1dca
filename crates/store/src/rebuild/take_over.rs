//! What the log no longer holds, taken from the live tables.
//!
//! Rows come with their states. Changes of state are absolute, so the part of the log that is still there may be applied
//! to them once more, or from its middle on.

use domain::preferences::Preferences;
use proto_schemas::UserId;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Statement, Value,
};

use super::Rebuild;
use super::shape::{SHAPES, Shape};
use crate::StoreError;
use crate::entity::preferences;
use crate::error::Attempting;
use crate::projection::{sequence_from, sequence_to};

/// How many people's preferences are read at once.
const PEOPLE_A_PAGE: u64 = 5_000;

const PEOPLE_A_STATEMENT: usize = 1_000;

const SILENCE: &str = "
UPDATE rebuild_notifications AS r SET silenced = l.silenced
FROM notifications AS l, (VALUES PAIRS) AS v
WHERE r.user_id = v.column1 AND r.sequence < v.column2 AND l.event_id = r.event_id
    AND l.silenced IS DISTINCT FROM r.silenced
";

/// How many rows were taken from the live tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TakenOver {
    /// Notifications of one person each.
    pub notifications: u64,
    /// Announcements.
    pub announcements: u64,
    /// What people did with those.
    pub announcement_states: u64,
    /// Messages that could not be read.
    pub set_aside: u64,
}

/// Preferences of some people.
#[derive(Debug, Clone, Default)]
pub struct KeptPreferences {
    /// Of each person, with the sequence they are from.
    pub preferences: Vec<(UserId, u64, Preferences)>,
    /// The last of these people; nothing when there were none left.
    pub last: Option<String>,
}

impl TakenOver {
    /// All of them.
    pub fn rows(self) -> u64 {
        self.notifications + self.announcements + self.announcement_states + self.set_aside
    }
}

impl Rebuild {
    /// Takes over the rows whose sequence is below this one. The live tables must have come at least as far as these.
    ///
    /// An event that is stored a second time behind it stays what it was the first time.
    pub async fn take_over(&self, below: u64) -> Result<TakenOver, StoreError> {
        let attempted = "taking over what the log no longer holds";
        let transaction = self.store.begin_write().await.attempting(attempted)?;
        let taken = take(&transaction, below).await.attempting(attempted)?;
        transaction.commit().await.attempting(attempted)?;
        Ok(taken)
    }

    /// Takes over from the live rows why they were silenced: of each of these people those below the sequence, for which the
    /// log no longer says what the person wanted.
    pub async fn take_over_silence(&self, people: &[(String, u64)]) -> Result<(), StoreError> {
        let attempted = "taking over what was silenced";
        for people in people.chunks(PEOPLE_A_STATEMENT) {
            let pairs = (0..people.len()).map(|at| format!("(${}, ${})", 2 * at + 1, 2 * at + 2));
            let sql = SILENCE.replace("PAIRS", &pairs.collect::<Vec<_>>().join(", "));
            let values = people
                .iter()
                .flat_map(|(user, below)| [Value::from(user.as_str()), sequence_to(*below).into()]);
            let connection = self.store.connection();
            let backend = connection.get_database_backend();
            let update = Statement::from_sql_and_values(backend, sql, values);
            connection.execute_raw(update).await.attempting(attempted)?;
        }
        Ok(())
    }

    /// Preferences that were set last below this sequence, of people after this one in the order of ids.
    pub async fn preferences_before(&self, below: u64, after: &str) -> Result<KeptPreferences, StoreError> {
        let attempted = "reading preferences that the log no longer holds";
        let people = preferences::Entity::find()
            .filter(preferences::Column::UserId.gt(after))
            .filter(preferences::Column::Sequence.lt(sequence_to(below)))
            .order_by_asc(preferences::Column::UserId)
            .limit(PEOPLE_A_PAGE);
        let rows = people.all(self.store.connection()).await.attempting(attempted)?;
        let mut page = KeptPreferences {
            last: rows.last().map(|row| row.user_id.clone()),
            ..KeptPreferences::default()
        };
        for row in rows {
            let user = UserId::new(row.user_id.as_str());
            match (user, row.read()) {
                (Ok(user), Ok(read)) => {
                    page.preferences.push((user, sequence_from(row.sequence), read));
                }
                (_, Err(error)) => tracing::warn!(%error, "these preferences are not taken over"),
                (Err(error), _) => tracing::warn!(%error, "these preferences are not taken over"),
            }
        }
        Ok(page)
    }
}

async fn take(transaction: &DatabaseTransaction, below: u64) -> Result<TakenOver, DbErr> {
    let [notifications, announcements, announcement_states, _, set_aside] = SHAPES;
    let states = "event_id IN (SELECT event_id FROM announcements WHERE sequence < $1)";
    Ok(TakenOver {
        notifications: copy(transaction, notifications, "sequence < $1", below).await?,
        announcements: copy(transaction, announcements, "sequence < $1", below).await?,
        announcement_states: copy(transaction, announcement_states, states, below).await?,
        set_aside: copy(transaction, set_aside, "sequence < $1", below).await?,
    })
}

async fn copy(
    transaction: &DatabaseTransaction,
    shape: Shape,
    condition: &str,
    below: u64,
) -> Result<u64, DbErr> {
    let (live, rebuild) = (shape.live, shape.rebuild());
    let columns = shape.columns(transaction).await?.join(", ");
    let keys: Vec<&str> = shape.keys.iter().map(|key| key.column()).collect();
    let keys = keys.join(", ");
    let backend = transaction.get_database_backend();
    let below: Value = sequence_to(below).into();
    let statement = |sql: String| Statement::from_sql_and_values(backend, sql, [below.clone()]);
    let make_room =
        format!("DELETE FROM {rebuild} WHERE ({keys}) IN (SELECT {keys} FROM {live} WHERE {condition})");
    transaction.execute_raw(statement(make_room)).await?;
    let copy = format!("INSERT INTO {rebuild} ({columns}) SELECT {columns} FROM {live} WHERE {condition}");
    let copied = transaction.execute_raw(statement(copy)).await?;
    Ok(copied.rows_affected())
}
