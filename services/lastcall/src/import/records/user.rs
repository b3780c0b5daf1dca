use domain::catalogue::User;
use proto_schemas::UserId;
use store::{Store, StoreError};

use super::super::Defaults;
use super::super::columns::{Column, optional, required};
use super::super::fields::{Fields, at_most, time_zone};
use super::super::reject::Fault;
use super::{Completed, Record};

/// As long as an address may be (RFC 5321: 64 before the @, 255 after it).
const MAX_EMAIL_BYTES: usize = 320;

/// Several times the 15 digits of E.164, for spaces and extensions.
const MAX_PHONE_BYTES: usize = 64;

impl Record for User {
    const COLUMNS: &'static [Column] = &[
        required("id"),
        optional("locale"),
        optional("time_zone"),
        optional("email"),
        optional("phone"),
    ];

    type Row = Self;

    fn read(fields: &Fields<'_>, _: &Defaults) -> Result<Self, Fault> {
        Ok(Self {
            id: fields.required("id", str::parse::<UserId>)?,
            locale: fields.optional("locale", |text| {
                text.parse().map_err(|_| "is no language tag such as en or ko-KR")
            })?,
            time_zone: fields.optional("time_zone", time_zone)?,
            email: fields.optional("email", |text| at_most(MAX_EMAIL_BYTES, text))?,
            phone: fields.optional("phone", |text| at_most(MAX_PHONE_BYTES, text))?,
        })
    }

    async fn complete(_: &Store, records: Vec<(u64, Self)>) -> Result<Completed<Self>, StoreError> {
        Ok(records.into())
    }

    async fn write(store: &Store, rows: &[Self]) -> Result<(), StoreError> {
        store.upsert_users(rows).await
    }
}
