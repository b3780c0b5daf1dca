//! Writing many rows of one table, each of which may be there already.
//!
//! Rows are written as if one by one in the order given, in one transaction. To need few statements, several rows of
//! one key are first merged into one (PostgreSQL refuses to touch a row twice in a statement), and rows that leave the
//! same columns to the table go together.

use std::collections::BTreeMap;

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, Insert, QueryTrait};

use crate::Store;

/// How many rows one statement writes. With nine values for each, well below the 32,766 that SQLite binds.
const ROWS_A_STATEMENT: usize = 1000;

/// A row of the catalogue.
pub(super) trait Row: Clone {
    /// What it is found by.
    type Key: Ord;
    /// Its table.
    type Active: ActiveModelTrait + Send;

    fn key(&self) -> Self::Key;

    /// Takes from an earlier row of the same key what this one does not say.
    fn inherit(&mut self, earlier: &Self);

    /// Whether the row sets the column that has a default, which must then be left out of the statement.
    fn default_column(&self) -> DefaultColumn;

    fn active(&self) -> Self::Active;

    /// What happens to a row that is there already. `default` is that of every row of the statement.
    fn on_conflict(default: DefaultColumn) -> OnConflict;
}

/// Whether a row says what its one column with a default is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DefaultColumn {
    /// It says so, or there is no such column.
    Given,
    /// It does not: new rows take the default, others keep what they have.
    Absent,
}

impl DefaultColumn {
    pub(super) fn of<T>(value: Option<&T>) -> Self {
        if value.is_some() {
            Self::Given
        } else {
            Self::Absent
        }
    }
}

pub(super) async fn upsert<R>(store: &Store, rows: &[R]) -> Result<(), DbErr>
where
    R: Row,
{
    if rows.is_empty() {
        return Ok(());
    }
    let (given, absent): (Vec<R>, Vec<R>) = merged(rows)
        .into_values()
        .partition(|row| row.default_column() == DefaultColumn::Given);
    let transaction = store.begin_write().await?;
    for (default, rows) in [(DefaultColumn::Given, given), (DefaultColumn::Absent, absent)] {
        for chunk in rows.chunks(ROWS_A_STATEMENT) {
            let models: Vec<R::Active> = chunk.iter().map(Row::active).collect();
            let insert = Insert::many(models).on_conflict(R::on_conflict(default));
            transaction.execute(&insert.into_query()).await?;
        }
    }
    transaction.commit().await
}

/// One row for each key, in the order of the keys: two imports that take their locks in one order never wait for each
/// other in a circle.
fn merged<R: Row>(rows: &[R]) -> BTreeMap<R::Key, R> {
    let mut merged: BTreeMap<R::Key, R> = BTreeMap::new();
    for row in rows {
        let mut row = row.clone();
        if let Some(earlier) = merged.get(&row.key()) {
            row.inherit(earlier);
        }
        merged.insert(row.key(), row);
    }
    merged
}

/// The new value of a column, or the stored one where there is none.
pub(super) fn new_or_stored(table: &str, column: &str) -> Expr {
    Expr::cust(format!(
        r#"COALESCE("excluded"."{column}", "{table}"."{column}")"#
    ))
}
