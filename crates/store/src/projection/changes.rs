//! What people did, applied to the tables: the lines that it may change are read, changed in memory, and written.

use chrono::{DateTime, Utc};
use domain::inbox::State;
use hashbrown::HashMap;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Query, SelectStatement, TableRef, ValueTuple};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, FromQueryResult};
use uuid::Uuid;

use super::fold::Changed;
use super::reach::{Reach, touched};
use super::rows::{ROWS_A_STATEMENT, insert};
use super::states::{ChangedLine, Lines};
use super::{Tables, sequence_from};
use crate::entity::announcement_state::{ActiveModel, Column};
use crate::inbox::Audience;
use crate::transaction::page_by_index;

/// How many changes are applied together. What they may change is in memory at once: a person's inbox for each, at the
/// most.
const CHANGES_AT_ONCE: usize = 250;

/// A person's own line.
#[derive(FromQueryResult)]
struct Own {
    user_id: String,
    event_id: Uuid,
    sequence: i64,
    #[sea_orm(nested)]
    state: StateColumns,
}

#[derive(FromQueryResult)]
struct Announcement {
    event_id: Uuid,
    sequence: i64,
}

/// What somebody did with an announcement.
#[derive(FromQueryResult)]
struct Touched {
    user_id: String,
    event_id: Uuid,
    #[sea_orm(nested)]
    state: StateColumns,
}

#[derive(FromQueryResult)]
struct StateColumns {
    seen_at: Option<DateTime<Utc>>,
    read_at: Option<DateTime<Utc>>,
    archived_at: Option<DateTime<Utc>>,
}

impl From<StateColumns> for State {
    fn from(stored: StateColumns) -> Self {
        Self {
            seen_at: stored.seen_at,
            read_at: stored.read_at,
            archived_at: stored.archived_at,
        }
    }
}

/// Applies changes, in the order of the log.
pub(super) async fn apply(
    transaction: &DatabaseTransaction,
    tables: &Tables,
    changes: &[Changed<'_>],
) -> Result<(), DbErr> {
    if changes.is_empty() {
        return Ok(());
    }
    page_by_index(transaction).await?;
    for changes in changes.chunks(CHANGES_AT_ONCE) {
        let mut lines = read(transaction, tables, changes).await?;
        lines.apply(changes);
        let (own, general): (Vec<_>, Vec<_>) = lines
            .changed()
            .partition(|line| line.audience == Audience::Personal);
        write_own(transaction, tables, &own).await?;
        write_general(transaction, tables, &general).await?;
    }
    Ok(())
}

/// All lines that these may change.
async fn read(
    transaction: &DatabaseTransaction,
    tables: &Tables,
    changes: &[Changed<'_>],
) -> Result<Lines, DbErr> {
    let mut lines = Lines::default();
    for reach in Reach::of(changes) {
        for question in reach.own(tables) {
            for Own {
                user_id,
                event_id,
                sequence,
                state,
            } in ask(transaction, &question).await?
            {
                let key = (Audience::Personal, event_id);
                lines.add(&user_id, key, sequence_from(sequence), state.into());
            }
        }
        read_announcements(transaction, tables, &reach, &mut lines).await?;
    }
    Ok(lines)
}

async fn read_announcements(
    transaction: &DatabaseTransaction,
    tables: &Tables,
    reach: &Reach<'_>,
    lines: &mut Lines,
) -> Result<(), DbErr> {
    let announcements = ask(transaction, &reach.announcements(tables)).await?;
    let announcements = announcements
        .into_iter()
        .map(|Announcement { event_id, sequence }| (event_id, sequence));
    let announcements: HashMap<Uuid, i64> = announcements.collect();
    let pairs = reach.of_everybody(&announcements);
    if pairs.is_empty() {
        return Ok(());
    }
    let mut add = |user: &str, id, state| {
        if let Some(sequence) = announcements.get(&id) {
            lines.add(user, (Audience::Everybody, id), sequence_from(*sequence), state);
        }
    };
    for (user, id) in &pairs {
        add(user, *id, State::default());
    }
    for Touched {
        user_id,
        event_id,
        state,
    } in ask(transaction, &touched(&pairs, tables)).await?
    {
        add(&user_id, event_id, state.into());
    }
    Ok(())
}

async fn ask<R: FromQueryResult>(
    transaction: &DatabaseTransaction,
    question: &SelectStatement,
) -> Result<Vec<R>, DbErr> {
    let statement = transaction.get_database_backend().build(question);
    R::find_by_statement(statement).all(transaction).await
}

async fn write_own(
    transaction: &DatabaseTransaction,
    tables: &Tables,
    lines: &[ChangedLine<'_>],
) -> Result<(), DbErr> {
    for lines in lines.chunks(ROWS_A_STATEMENT) {
        let values = lines.iter().map(|line| {
            let State {
                seen_at,
                read_at,
                archived_at,
            } = line.state;
            ValueTuple::Many(vec![
                line.event_id.into(),
                seen_at.into(),
                read_at.into(),
                archived_at.into(),
            ])
        });
        let new = |column| Expr::col(("new", column));
        let update = Query::update()
            .table(tables.notifications)
            .from(TableRef::ValuesList(values.collect(), "new".into()))
            .value("seen_at", new("column2"))
            .value("read_at", new("column3"))
            .value("archived_at", new("column4"))
            .and_where(Expr::col("event_id").eq(new("column1")))
            .take();
        transaction.execute(&update).await?;
    }
    Ok(())
}

async fn write_general(
    transaction: &DatabaseTransaction,
    tables: &Tables,
    lines: &[ChangedLine<'_>],
) -> Result<(), DbErr> {
    let touched = |line: &ChangedLine<'_>| ActiveModel {
        user_id: Set(line.user.to_owned()),
        event_id: Set(line.event_id),
        seen_at: Set(line.state.seen_at),
        read_at: Set(line.state.read_at),
        archived_at: Set(line.state.archived_at),
    };
    let latest = OnConflict::columns([Column::UserId, Column::EventId])
        .update_columns([Column::SeenAt, Column::ReadAt, Column::ArchivedAt])
        .to_owned();
    let rows = lines.iter().map(touched).collect();
    insert(transaction, tables.announcement_states, rows, &latest).await
}
