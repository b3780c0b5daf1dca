use domain::catalogue::Follow;
use proto_schemas::UserId;
use store::{Store, StoreError};

use super::super::Defaults;
use super::super::columns::{Column, required};
use super::super::fields::{Fields, id};
use super::super::reject::Fault;
use super::{Completed, Record};

impl Record for Follow {
    const COLUMNS: &'static [Column] = &[required("funding_id"), required("user_id")];

    type Row = Self;

    fn read(fields: &Fields<'_>, _: &Defaults) -> Result<Self, Fault> {
        Ok(Self {
            funding_id: fields.required("funding_id", id)?,
            user_id: fields.required("user_id", str::parse::<UserId>)?,
        })
    }

    async fn complete(_: &Store, records: Vec<(u64, Self)>) -> Result<Completed<Self>, StoreError> {
        Ok(records.into())
    }

    async fn write(store: &Store, rows: &[Self]) -> Result<(), StoreError> {
        store.upsert_follows(rows).await
    }
}
