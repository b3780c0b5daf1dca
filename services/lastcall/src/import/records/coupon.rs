use domain::catalogue::{Coupon, CouponStatus};
use domain::money::{Currency, Money};
use proto_schemas::UserId;
use store::{Store, StoreError};

use super::super::Defaults;
use super::super::columns::{Column, optional, required};
use super::super::fields::{Fields, id, instant};
use super::super::reject::Fault;
use super::{Completed, Record};

impl Record for Coupon {
    const COLUMNS: &'static [Column] = &[
        required("id"),
        required("user_id"),
        optional("funding_id"),
        required("expires_on"),
        optional("status"),
        optional("amount"),
        optional("currency"),
    ];

    type Row = Self;

    fn read(fields: &Fields<'_>, defaults: &Defaults) -> Result<Self, Fault> {
        let currency = fields
            .optional("currency", str::parse::<Currency>)?
            .unwrap_or(defaults.currency);
        Ok(Self {
            id: fields.required("id", id)?,
            user_id: fields.required("user_id", str::parse::<UserId>)?,
            funding_id: fields.optional("funding_id", id)?,
            expires_at: fields.required("expires_on", |text| instant(text, defaults.time_zone))?,
            status: fields.optional("status", str::parse::<CouponStatus>)?,
            amount: fields.optional("amount", |text| Money::from_major(text, currency))?,
        })
    }

    async fn complete(_: &Store, records: Vec<(u64, Self)>) -> Result<Completed<Self>, StoreError> {
        Ok(records.into())
    }

    async fn write(store: &Store, rows: &[Self]) -> Result<(), StoreError> {
        store.upsert_coupons(rows).await
    }
}
