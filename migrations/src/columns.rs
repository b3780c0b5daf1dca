//! Kinds of columns that several tables have.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// Text that identifies something, compared byte by byte.
///
/// A PostgreSQL database sorts text by its own locale unless told otherwise, SQLite by bytes. Keysets compare ids with
/// `>` and code merges pages by them, so a locale in between would skip rows or show them twice.
pub(crate) fn id(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.text();
    if manager.get_database_backend() == DbBackend::Postgres {
        column.extra(r#"COLLATE "C""#);
    }
    column
}

/// An instant, to the microsecond.
pub(crate) fn instant(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.timestamp_with_time_zone();
    column
}

/// A number that only grows and begins with nothing.
pub(crate) fn count(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.big_integer().not_null().default(0);
    column
}

/// The four counts of a run or an attempt.
pub(crate) fn counts(table: &mut TableCreateStatement) -> &mut TableCreateStatement {
    for name in ["read_count", "emitted", "already_emitted", "skipped"] {
        table.col(count(name));
    }
    table
}

/// What a notification says, and about what and when.
pub(crate) fn words(table: &mut TableCreateStatement) -> &mut TableCreateStatement {
    for name in ["event_type", "subject", "title", "body", "locale"] {
        table.col(ColumnDef::new(name).text().not_null());
    }
    table
        .col(instant("occurred_at").not_null())
        .col(instant("expires_at"))
}
