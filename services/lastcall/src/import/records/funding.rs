use domain::catalogue::{Funding, FundingStatus};
use domain::money::{Currency, Money};
use proto_schemas::UserId;
use store::{Store, StoreError};

use super::super::Defaults;
use super::super::columns::{Column, optional, required};
use super::super::fields::{Fields, id, instant};
use super::super::reject::Fault;
use super::{Completed, Record};

impl Record for Funding {
    const COLUMNS: &'static [Column] = &[
        required("id"),
        required("title"),
        required("goal"),
        optional("raised"),
        optional("currency"),
        required("closes_at"),
        optional("status"),
        optional("maker_id"),
    ];

    type Row = Self;

    fn read(fields: &Fields<'_>, defaults: &Defaults) -> Result<Self, Fault> {
        let currency = fields
            .optional("currency", str::parse::<Currency>)?
            .unwrap_or(defaults.currency);
        let amount = |text: &str| Money::from_major(text, currency);
        Ok(Self {
            id: fields.required("id", id)?,
            title: fields.title("title")?,
            goal: fields.required("goal", amount)?,
            raised: fields.optional("raised", amount)?,
            closes_at: fields.required("closes_at", |text| instant(text, defaults.time_zone))?,
            status: fields.optional("status", str::parse::<FundingStatus>)?,
            maker_id: fields.optional("maker_id", str::parse::<UserId>)?,
        })
    }

    async fn complete(_: &Store, records: Vec<(u64, Self)>) -> Result<Completed<Self>, StoreError> {
        Ok(records.into())
    }

    async fn write(store: &Store, rows: &[Self]) -> Result<(), StoreError> {
        store.upsert_fundings(rows).await
    }
}
