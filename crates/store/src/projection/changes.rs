//! What people did, applied to the tables: the lines that it may change are read, changed in memory, and written.

use chrono::{DateTime, Utc};
use domain::inbox::State;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Query, TableRef, ValueTuple};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, FromQueryResult};
use uuid::Uuid;

use super::fold::Changed;
use super::reach::Reach;
use super::rows::{ROWS_A_STATEMENT, insert};
use super::states::{ChangedLine, Lines};
use super::{Tables, sequence_from};
use crate::entity::announcement_state::{ActiveModel, Column};
use crate::inbox::Audience;
use crate::transaction::page_by_index;

/// How many changes are applied together. What they may change is in memory at once: a person's inbox for each, at the
/// most.
const CHANGES_AT_ONCE: usize = 250;

#[derive(FromQueryResult)]
struct Row {
    user_id: String,
    event_id: Uuid,
    sequence: i64,
    seen_at: Option<DateTime<Utc>>,
    read_at: Option<DateTime<Utc>>,
    archived_at: Option<DateTime<Utc>>,
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
    let backend = transaction.get_database_backend();
    for reach in Reach::of(changes) {
        let own = reach.own(tables).into_iter();
        let own = own.map(|select| (Audience::Personal, select));
        let general = (Audience::Everybody, reach.general(tables));
        for (audience, select) in own.chain([general]) {
            let rows = Row::find_by_statement(backend.build(&select))
                .all(transaction)
                .await?;
            for row in rows {
                let state = State {
                    seen_at: row.seen_at,
                    read_at: row.read_at,
                    archived_at: row.archived_at,
                };
                let key = (audience, row.event_id);
                lines.add(row.user_id, key, sequence_from(row.sequence), state);
            }
        }
    }
    Ok(lines)
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
