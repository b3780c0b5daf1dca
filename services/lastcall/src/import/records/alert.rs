use domain::catalogue::{Alert, MAX_CONTENT_BYTES};
use domain::reminder::{TimeOfDay, Weekdays};
use proto_schemas::UserId;
use store::{Store, StoreError};

use super::super::Defaults;
use super::super::columns::{Column, optional, required};
use super::super::fields::{Fields, at_most, id, time_zone};
use super::super::reject::Fault;
use super::{Completed, Record};

impl Record for Alert {
    const COLUMNS: &'static [Column] = &[
        required("id"),
        required("user_id"),
        required("title"),
        optional("content"),
        required("at"),
        optional("weekdays"),
        optional("time_zone"),
    ];

    type Row = Self;

    fn read(fields: &Fields<'_>, _: &Defaults) -> Result<Self, Fault> {
        Ok(Self {
            id: fields.required("id", id)?,
            user_id: fields.required("user_id", str::parse::<UserId>)?,
            title: fields.title("title")?,
            content: fields.optional("content", |text| at_most(MAX_CONTENT_BYTES, text))?,
            at: fields.required("at", str::parse::<TimeOfDay>)?,
            weekdays: fields.optional("weekdays", str::parse::<Weekdays>)?,
            time_zone: fields.optional("time_zone", time_zone)?,
        })
    }

    async fn complete(_: &Store, records: Vec<(u64, Self)>) -> Result<Completed<Self>, StoreError> {
        Ok(records.into())
    }

    async fn write(store: &Store, rows: &[Self]) -> Result<(), StoreError> {
        store.upsert_alerts(rows).await
    }
}
