use domain::catalogue::Alert;
use domain::reminder::{TimeOfDay, Weekdays};
use proto_schemas::UserId;
use store::{Store, StoreError};

use super::super::Defaults;
use super::super::columns::{Column, optional, required};
use super::super::fields::{Fields, id};
use super::super::reject::Fault;
use super::{Completed, Record};

impl Record for Alert {
    const COLUMNS: &'static [Column] = &[
        required("id"),
        required("user_id"),
        required("title"),
        required("at"),
        optional("weekdays"),
    ];

    type Row = Self;

    fn read(fields: &Fields<'_>, _: &Defaults) -> Result<Self, Fault> {
        Ok(Self {
            id: fields.required("id", id)?,
            user_id: fields.required("user_id", str::parse::<UserId>)?,
            title: fields.title("title")?,
            at: fields.required("at", str::parse::<TimeOfDay>)?,
            weekdays: fields.optional("weekdays", str::parse::<Weekdays>)?,
        })
    }

    async fn complete(_: &Store, records: Vec<(u64, Self)>) -> Result<Completed<Self>, StoreError> {
        Ok(records.into())
    }

    async fn write(store: &Store, rows: &[Self]) -> Result<(), StoreError> {
        store.upsert_alerts(rows).await
    }
}
