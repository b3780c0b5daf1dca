use std::collections::BTreeMap;

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, Insert, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
};
use uuid::Uuid;

use super::bounded::bounded;
use crate::entity::job_failed_row;
use crate::error::Attempting;
use crate::{Store, StoreError};

/// A row that no event could be made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedRow {
    /// What it is found by. At most 300 characters are kept.
    pub row: String,
    /// Why. At most 1,000 characters are kept.
    pub reason: String,
}

const ROW_CHARACTERS: usize = 300;
const REASON_CHARACTERS: usize = 1000;
const ROWS_A_STATEMENT: usize = 1000;

impl Store {
    /// At most `limit` failed rows of a run, in the order of their keys, beginning after the key that is given.
    pub async fn failed_rows(
        &self,
        run_id: Uuid,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Vec<FailedRow>, StoreError> {
        let mut page = job_failed_row::Entity::find()
            .filter(job_failed_row::Column::RunId.eq(run_id))
            .order_by_asc(job_failed_row::Column::RowKey)
            .limit(limit);
        if let Some(after) = after {
            page = page.filter(job_failed_row::Column::RowKey.gt(after));
        }
        let rows = page.all(self.connection()).await;
        let rows = rows.attempting("reading the failed rows of a job run")?;
        Ok(rows
            .into_iter()
            .map(|row| FailedRow {
                row: row.row_key,
                reason: row.reason,
            })
            .collect())
    }
}

/// Records failed rows; one that is recorded already gets the new reason.
pub(super) async fn insert(
    transaction: &DatabaseTransaction,
    run_id: Uuid,
    rows: &[FailedRow],
) -> Result<(), DbErr> {
    // One for each key: PostgreSQL refuses to touch a row twice in a statement.
    let reasons: BTreeMap<String, &str> = rows
        .iter()
        .map(|row| (bounded(&row.row, ROW_CHARACTERS), row.reason.as_str()))
        .collect();
    let models: Vec<_> = reasons
        .into_iter()
        .map(|(row_key, reason)| job_failed_row::ActiveModel {
            run_id: Set(run_id),
            row_key: Set(row_key),
            reason: Set(bounded(reason, REASON_CHARACTERS)),
        })
        .collect();
    let again = OnConflict::columns([job_failed_row::Column::RunId, job_failed_row::Column::RowKey])
        .update_column(job_failed_row::Column::Reason)
        .to_owned();
    for chunk in models.chunks(ROWS_A_STATEMENT) {
        let insert = Insert::many(chunk.to_vec()).on_conflict(again.clone());
        transaction.execute(&insert.into_query()).await?;
    }
    Ok(())
}

pub(super) async fn delete_of(transaction: &DatabaseTransaction, runs: &[Uuid]) -> Result<(), DbErr> {
    job_failed_row::Entity::delete_many()
        .filter(job_failed_row::Column::RunId.is_in(runs.iter().copied()))
        .exec(transaction)
        .await?;
    Ok(())
}
