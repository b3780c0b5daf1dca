//! From a due row to the event it calls for.
//!
//! Rows come from tables that others fill. What a row lacks or has wrong is a [`BadRow`] that names it; the rest of the
//! chunk goes on.

mod alert;
mod coupon;
mod funding;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use proto_schemas::events::v1;
use proto_schemas::{Recipient, UserId};
use unic_langid::LanguageIdentifier;

pub use alert::{AlertIdentity, DueAlert};
pub use coupon::{ExpiringCoupon, IssuedCoupon};
pub use funding::{ClosingFollow, OutcomeReader};

use crate::money::{Money, MoneyError};
use crate::words::Reader;

/// A person as the tables have them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PersonRow {
    /// Who.
    pub user_id: String,
    /// How to speak to them; the rows of one person may share it.
    pub habits: Arc<Habits>,
}

/// How to speak to a person, or what is wrong with what they have told.
///
/// Who has told no language or zone is spoken to in English and in UTC. What they have told and makes no sense is an error,
/// or every date they read would be wrong in silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Habits(Result<Reader, String>);

/// An amount as the tables have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmountRow {
    /// In the minor unit of the currency.
    pub minor_units: i64,
    /// ISO 4217 code.
    pub currency: String,
}

/// A row that no event can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{row}: {reason}")]
pub struct BadRow {
    /// Which row, as `<table> <key>`.
    pub row: String,
    /// What is wrong with it, and in which column.
    pub reason: String,
}

impl PersonRow {
    /// The recipient and how to speak to them.
    fn read(&self, row: impl Fn() -> String) -> Result<(Recipient, &Reader), BadRow> {
        let bad = |reason: String| BadRow { row: row(), reason };
        let user = UserId::new(self.user_id.as_str()).map_err(|e| bad(format!("user_id: {e}")))?;
        let Habits(reader) = &*self.habits;
        let reader = reader.as_ref().map_err(|reason| bad(reason.clone()))?;
        Ok((Recipient::User(user), reader))
    }
}

impl Habits {
    /// A BCP 47 tag and an IANA name, if the person is known and has told them.
    #[must_use]
    pub fn new(locale: Option<&str>, time_zone: Option<&str>) -> Self {
        Self(read_habits(locale, time_zone))
    }
}

impl Default for Habits {
    fn default() -> Self {
        Self::new(None, None)
    }
}

fn read_habits(locale: Option<&str>, time_zone: Option<&str>) -> Result<Reader, String> {
    let locale = match locale {
        None => LanguageIdentifier::default(),
        Some(tag) => tag
            .parse()
            .map_err(|_| format!("locale: {tag:?} is no BCP 47 language tag"))?,
    };
    let zone = match time_zone {
        None => Tz::UTC,
        Some(name) => name
            .parse()
            .map_err(|_| format!("time_zone: {name:?} is no IANA time zone"))?,
    };
    Ok(Reader { locale, zone })
}

impl AmountRow {
    fn read(&self, row: impl Fn() -> String) -> Result<Money, BadRow> {
        let currency = self.currency.parse().map_err(|error: MoneyError| BadRow {
            row: row(),
            reason: format!("currency: {error}"),
        })?;
        Ok(Money {
            currency,
            minor_units: self.minor_units,
        })
    }
}

impl From<Money> for AmountRow {
    fn from(money: Money) -> Self {
        Self {
            minor_units: money.minor_units,
            currency: money.currency.code().to_owned(),
        }
    }
}

/// What a run gives to every event it makes.
#[derive(Debug, Clone, Copy)]
pub struct RunContext {
    /// The instant the run was scheduled for; never the time of day it happens to run at.
    pub scheduled_at: DateTime<Utc>,
}

const SOURCE: &str = "/lastcall/scheduler";

/// An instant as it enters an identity.
fn instant_key(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

fn wire_money(money: Money) -> v1::Money {
    v1::Money {
        currency: money.currency.code().to_owned(),
        minor_units: money.minor_units,
    }
}
