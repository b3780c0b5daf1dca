//! Rows as PostgreSQL takes them fastest: [COPY in its binary form][copy].
//!
//! [copy]: https://www.postgresql.org/docs/current/sql-copy.html

use chrono::{DateTime, Utc};
use domain::inbox::State;
use sea_orm::sqlx::PgConnection;
use sea_orm::{ActiveModelTrait, ActiveValue, DbErr, EntityTrait, IdenStatic, Iterable, Value};
use tokio::try_join;

use super::lock::{Sessions, database};
use crate::entity::{announcement_state, notification};
use crate::instant::stored;
use crate::projection::rows::Personal;
use crate::projection::sequence_to;
use crate::projection::states::ChangedLine;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// Instants count from 2000-01-01T00:00:00Z.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// How much is sent at once.
const PART_BYTES: usize = 256 * 1024;

/// Rows of a table.
#[derive(Debug)]
pub(super) struct TableData {
    statement: String,
    rows: Vec<u8>,
    empty: bool,
}

/// Rows of all tables.
#[derive(Debug)]
pub(super) struct CopiedRows {
    pub(super) notifications: TableData,
    pub(super) others: Vec<TableData>,
}

/// What people were told, with what they did with it.
pub(super) fn notifications(table: &str, rows: &[(Personal<'_>, State)]) -> TableData {
    use notification::Column;
    table_data(table, rows.iter(), |out, (told, state), column| {
        let row = told.notification;
        match column {
            Column::EventId => field(out, row.event_id.as_bytes()),
            Column::UserId => field(out, told.user.as_str().as_bytes()),
            Column::Sequence => field(out, &sequence_to(told.sequence).to_be_bytes()),
            Column::EventType => field(out, row.event_type.as_bytes()),
            Column::Subject => field(out, row.subject.as_bytes()),
            Column::Title => field(out, row.title.as_bytes()),
            Column::Body => field(out, row.body.as_bytes()),
            Column::Locale => field(out, row.locale.as_bytes()),
            Column::OccurredAt => instant(out, Some(stored(row.occurred_at))),
            Column::ExpiresAt => instant(out, row.expires_at.map(stored)),
            Column::SeenAt => instant(out, state.seen_at),
            Column::ReadAt => instant(out, state.read_at),
            Column::ArchivedAt => instant(out, state.archived_at),
            Column::Silenced => match told.silence {
                Some(silence) => field(out, silence.as_str().as_bytes()),
                None => null(out),
            },
        }
    })
}

/// What people did with announcements.
pub(super) fn announcement_states(table: &str, rows: &[ChangedLine<'_>]) -> TableData {
    use announcement_state::Column;
    table_data(table, rows.iter(), |out, line, column| match column {
        Column::UserId => field(out, line.user.as_bytes()),
        Column::EventId => field(out, line.event_id.as_bytes()),
        Column::SeenAt => instant(out, line.state.seen_at),
        Column::ReadAt => instant(out, line.state.read_at),
        Column::ArchivedAt => instant(out, line.state.archived_at),
    })
}

/// The rows of any table.
pub(super) fn encode<E, A>(table: &str, rows: Vec<A>) -> TableData
where
    E: EntityTrait,
    A: ActiveModelTrait<Entity = E>,
{
    table_data(table, rows.into_iter(), |out, row, column: E::Column| {
        put(out, row.take(column));
    })
}

/// All columns of all rows, as `put` writes each.
fn table_data<R, C: Iterable + IdenStatic>(
    table: &str,
    rows: impl ExactSizeIterator<Item = R>,
    put: impl Fn(&mut Vec<u8>, &mut R, C),
) -> TableData {
    let columns: Vec<C> = C::iter().collect();
    let names: Vec<&str> = columns.iter().map(IdenStatic::as_str).collect();
    let statement = format!("COPY {table} ({}) FROM STDIN (FORMAT binary)", names.join(", "));
    let empty = rows.len() == 0;
    let mut out = SIGNATURE.to_vec();
    // No flags, no extension.
    out.extend([0; 8]);
    for mut row in rows {
        put_i16(&mut out, columns.len());
        for column in &columns {
            put(&mut out, &mut row, *column);
        }
    }
    out.extend((-1_i16).to_be_bytes());
    TableData {
        statement,
        rows: out,
        empty,
    }
}

fn put(out: &mut Vec<u8>, value: ActiveValue<Value>) {
    match value.into_value() {
        Some(Value::String(Some(text))) => field(out, text.as_bytes()),
        Some(Value::BigInt(Some(number))) => field(out, &number.to_be_bytes()),
        Some(Value::Uuid(Some(id))) => field(out, id.as_bytes()),
        Some(Value::Bytes(Some(bytes))) => field(out, &bytes),
        Some(Value::ChronoDateTimeUtc(at)) => instant(out, at),
        None => null(out),
        Some(value) => {
            debug_assert!(value == value.as_null(), "no column is of this kind: {value:?}");
            null(out);
        }
    }
}

fn instant(out: &mut Vec<u8>, at: Option<DateTime<Utc>>) {
    match at {
        Some(at) => field(out, &(at.timestamp_micros() - EPOCH_MICROS).to_be_bytes()),
        None => null(out),
    }
}

fn field(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(i32::try_from(bytes.len()).unwrap_or(i32::MAX).to_be_bytes());
    out.extend(bytes);
}

fn null(out: &mut Vec<u8>) {
    out.extend((-1_i32).to_be_bytes());
}

fn put_i16(out: &mut Vec<u8>, number: usize) {
    out.extend(i16::try_from(number).unwrap_or(i16::MAX).to_be_bytes());
}

/// Sends them, each table in a transaction of its own.
pub(super) async fn load(sessions: &mut Sessions, rows: &CopiedRows) -> Result<(), DbErr> {
    let told = std::slice::from_ref(&rows.notifications);
    let told = send(&mut sessions.told, told);
    try_join!(told, send(&mut sessions.others, &rows.others))?;
    Ok(())
}

async fn send(session: &mut PgConnection, tables: &[TableData]) -> Result<(), DbErr> {
    for table in tables.iter().filter(|table| !table.empty) {
        let mut copy = session.copy_in_raw(&table.statement).await.map_err(database)?;
        for part in table.rows.chunks(PART_BYTES) {
            copy.send(part).await.map_err(database)?;
        }
        copy.finish().await.map_err(database)?;
    }
    Ok(())
}
