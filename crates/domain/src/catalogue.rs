//! What the shop and the funding site tell about themselves.
//!
//! Rows refer to one another by id, and a row may arrive before the one it refers to: a coupon of a user who is not
//! known yet belongs to somebody all the same. Fields that are `Option` keep what is stored when they are absent.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use proto_schemas::UserId;
use unic_langid::LanguageIdentifier;

use crate::money::Money;
use crate::reminder::{TimeOfDay, Weekdays};

/// The most bytes an id of ours may have.
pub const MAX_ID_BYTES: usize = 128;

/// The most bytes a title may have.
pub const MAX_TITLE_BYTES: usize = 1000;

/// The most bytes that the site's reference to a piece of content may have.
pub const MAX_CONTENT_BYTES: usize = 1000;

/// The most bytes that a title may take in JSON, where some characters take several: an event has it three times, beside
/// ids and words, and has to fit what the log takes (16 KiB unless set otherwise).
const MAX_TOLD_TITLE_BYTES: usize = 4 * MAX_TITLE_BYTES;

/// Somebody who can be told something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// The language they read; English where none of ours fits.
    pub locale: Option<LanguageIdentifier>,
    /// Where their day begins and ends; UTC where unknown.
    pub time_zone: Option<Tz>,
    /// For the channels outside this service.
    pub email: Option<String>,
    /// For the channels outside this service.
    pub phone: Option<String>,
}

/// Something that people give money for until a deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Funding {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// What has to be raised by the deadline.
    pub goal: Money,
    /// What has been raised, where the site keeps that total itself; else it is the sum of the pledges. In the
    /// currency of the goal.
    pub raised: Option<Money>,
    /// The deadline: pledges up to and including this instant count.
    pub closes_at: DateTime<Utc>,
    /// Open unless said otherwise.
    pub status: Option<FundingStatus>,
    /// Who made it.
    pub maker_id: Option<UserId>,
}

/// Money that somebody promised to a funding. One for each funding and user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pledge {
    /// To which funding.
    pub funding_id: String,
    /// By whom.
    pub user_id: UserId,
    /// How much, in the currency of the funding.
    pub amount: Money,
}

/// Somebody wants to hear of a funding.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Follow {
    /// Of which funding.
    pub funding_id: String,
    /// Who.
    pub user_id: UserId,
}

/// Something worth money until it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coupon {
    /// Its id.
    pub id: String,
    /// Its holder.
    pub user_id: UserId,
    /// The funding it came from.
    pub funding_id: Option<String>,
    /// The last instant at which it can be used.
    pub expires_at: DateTime<Utc>,
    /// Active unless said otherwise.
    pub status: Option<CouponStatus>,
    /// What it is worth, where it says so.
    pub amount: Option<Money>,
}

/// A reminder that somebody set for a time of day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Its id.
    pub id: String,
    /// Whose.
    pub user_id: UserId,
    /// What they called it.
    pub title: String,
    /// The piece of content it is for, as the site refers to it.
    pub content: Option<String>,
    /// When, on their clock.
    pub at: TimeOfDay,
    /// On which days of theirs; every day unless said otherwise.
    pub weekdays: Option<Weekdays>,
    /// The clock it goes by, where that is not its owner's.
    pub time_zone: Option<Tz>,
}

/// A title that fits no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("takes {found} bytes in an event; {MAX_TOLD_TITLE_BYTES} is the most")]
pub struct TitleTooLong {
    found: usize,
}

/// Whether people can be told of what has this title.
pub fn check_told_title(title: &str) -> Result<(), TitleTooLong> {
    let found = serde_json::Value::from(title).to_string().len();
    if found > MAX_TOLD_TITLE_BYTES {
        return Err(TitleTooLong { found });
    }
    Ok(())
}

macro_rules! statuses {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            /// Every status, as it is written.
            pub const ALL: &[&str] = &[$($text),+];

            /// The status as it is written in files and tables.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl FromStr for $name {
            type Err = UnknownStatus;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    other => Err(UnknownStatus { found: other.to_owned(), known: Self::ALL }),
                }
            }
        }
    };
}

/// A word that is no status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not one of {}", known.join(", "))]
pub struct UnknownStatus {
    found: String,
    known: &'static [&'static str],
}

statuses! {
    /// Where a funding stands.
    FundingStatus {
        /// Takes pledges until its deadline, and is then settled.
        Open = "open",
        /// Its goal was met.
        Succeeded = "succeeded",
        /// Its goal was not met.
        Failed = "failed",
        /// Withdrawn; nobody is told anything.
        Cancelled = "cancelled",
    }
}

statuses! {
    /// Where a coupon stands.
    CouponStatus {
        /// Can be used until it expires.
        Active = "active",
        /// Has been used.
        Used = "used",
        /// Taken back; cannot be used.
        Revoked = "revoked",
    }
}
