//! Rows as PostgreSQL takes them fastest: [COPY in its binary form][copy].
//!
//! [copy]: https://www.postgresql.org/docs/current/sql-copy.html

use sea_orm::sqlx::PgConnection;
use sea_orm::{ActiveModelTrait, ActiveValue, DbErr, EntityTrait, IdenStatic, Iterable as _, Value};

use super::lock::database;

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

/// The rows of a table.
pub(super) fn encode<E, A>(table: &str, rows: Vec<A>) -> TableData
where
    E: EntityTrait,
    A: ActiveModelTrait<Entity = E>,
{
    let columns: Vec<E::Column> = E::Column::iter().collect();
    let names: Vec<&str> = columns.iter().map(IdenStatic::as_str).collect();
    let statement = format!("COPY {table} ({}) FROM STDIN (FORMAT binary)", names.join(", "));
    let empty = rows.is_empty();
    let mut out = SIGNATURE.to_vec();
    // No flags, no extension.
    out.extend([0; 8]);
    for mut row in rows {
        put_i16(&mut out, columns.len());
        for column in &columns {
            put(&mut out, row.take(*column));
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
        Some(Value::ChronoDateTimeUtc(Some(instant))) => {
            field(out, &(instant.timestamp_micros() - EPOCH_MICROS).to_be_bytes());
        }
        None => null(out),
        Some(value) => {
            debug_assert!(value == value.as_null(), "no column is of this kind: {value:?}");
            null(out);
        }
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
pub(super) async fn load(session: &mut PgConnection, tables: &[TableData]) -> Result<(), DbErr> {
    for table in tables.iter().filter(|table| !table.empty) {
        let mut copy = session.copy_in_raw(&table.statement).await.map_err(database)?;
        for part in table.rows.chunks(PART_BYTES) {
            copy.send(part).await.map_err(database)?;
        }
        copy.finish().await.map_err(database)?;
    }
    Ok(())
}
