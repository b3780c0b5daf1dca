//! From a due row to the event it calls for.
//!
//! Rows come from tables that others fill. What a row lacks or has wrong is a [`BadRow`] that names it; the rest of the
//! chunk goes on.

mod alert;
mod coupon;
mod funding;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use proto_schemas::{Recipient, UserId};
use unic_langid::LanguageIdentifier;

pub use alert::DueAlert;
pub use coupon::{ExpiringCoupon, IssuedCoupon};
pub use funding::{ClosingFollow, OutcomeReader};

use crate::words::Reader;

/// A person as the tables have them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PersonRow {
    /// Who.
    pub user_id: String,
    /// BCP 47 tag, if the user is known.
    pub locale: Option<String>,
    /// IANA name, if the user is known.
    pub time_zone: Option<String>,
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
    /// The recipient and how to speak to them. Who has told no language or zone is spoken to in English and in UTC; what
    /// they have told and makes no sense is an error, or every date they read would be wrong in silence.
    fn read(&self, row: impl Fn() -> String) -> Result<(Recipient, Reader), BadRow> {
        let bad = |reason: String| BadRow { row: row(), reason };
        let user = UserId::new(self.user_id.as_str()).map_err(|e| bad(format!("user_id: {e}")))?;
        let locale = match self.locale.as_deref() {
            None => LanguageIdentifier::default(),
            Some(tag) => tag
                .parse()
                .map_err(|_| bad(format!("locale: {tag:?} is no BCP 47 language tag")))?,
        };
        let zone = match self.time_zone.as_deref() {
            None => Tz::UTC,
            Some(name) => name
                .parse()
                .map_err(|_| bad(format!("time_zone: {name:?} is no IANA time zone")))?,
        };
        Ok((Recipient::User(user), Reader { locale, zone }))
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
