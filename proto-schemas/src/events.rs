//! The kinds of event and their names.

use pbjson_types::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Types generated from `lastcall/events/v1/*.proto`.
#[allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/lastcall.events.v1.rs"));
    include!(concat!(env!("OUT_DIR"), "/lastcall.events.v1.serde.rs"));
}

use v1::{
    AlertDue, AnnouncementPosted, CouponExpiring, CouponIssued, FundingClosing, FundingFailed,
    FundingSucceeded, NotificationStateChanged, PreferencesChanged, Words,
};

/// Why the `data` of an event was refused.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// No event of that name is known to this version.
    #[error("unknown event type {0:?}")]
    UnknownType(String),
    /// The data does not follow the Protobuf message of its type.
    #[error("the data is no valid {type_name}")]
    Malformed {
        /// The type that was declared.
        type_name: &'static str,
        /// What the JSON reader found, and where.
        source: serde_json::Error,
    },
}

macro_rules! events {
    (
        told: { $($(#[$told_doc:meta])* $told:ident = $told_name:literal,)+ }
        own_doing: { $($(#[$own_doc:meta])* $own:ident = $own_name:literal,)+ }
    ) => {
        events! {
            $($(#[$told_doc])* $told = $told_name,)+
            $($(#[$own_doc])* $own = $own_name,)+
        }

        impl Event {
            /// The CloudEvents `type` of everything that people are told. All other events are what they did themselves.
            pub const TOLD_TYPE_NAMES: &[&str] = &[$($told_name),+];
        }
    };
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)+) => {
        /// Something that happened, as it is stored in the log.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Event {
            $($(#[$doc])* $kind($kind),)+
        }

        impl Event {
            /// The CloudEvents `type` of every kind of event.
            pub const TYPE_NAMES: &[&str] = &[$($name),+];

            /// The CloudEvents `type`, for example `lastcall.coupon.expiring.v1`.
            pub fn type_name(&self) -> &'static str {
                match self { $(Self::$kind(_) => $name,)+ }
            }

            /// Reads the `data` of an envelope whose `type` is `type_name`.
            pub fn from_data(type_name: &str, data: &RawValue) -> Result<Self, DataError> {
                match type_name {
                    $($name => serde_json::from_str(data.get())
                        .map(Self::$kind)
                        .map_err(|source| DataError::Malformed { type_name: $name, source }),)+
                    other => Err(DataError::UnknownType(other.to_owned())),
                }
            }
        }

        /// The `data` of the envelope: the proto3 JSON form of the message.
        impl Serialize for Event {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $(Self::$kind(message) => message.serialize(serializer),)+ }
            }
        }

        $(impl From<$kind> for Event {
            fn from(message: $kind) -> Self {
                Self::$kind(message)
            }
        })+
    };
}

events! {
    told: {
        /// A coupon is about to expire.
        CouponExpiring = "lastcall.coupon.expiring.v1",
        /// A backer has been given a coupon.
        CouponIssued = "lastcall.coupon.issued.v1",
        /// A funding is about to close.
        FundingClosing = "lastcall.funding.closing.v1",
        /// A funding reached its goal.
        FundingSucceeded = "lastcall.funding.succeeded.v1",
        /// A funding missed its goal.
        FundingFailed = "lastcall.funding.failed.v1",
        /// A reminder has come due.
        AlertDue = "lastcall.alert.due.v1",
        /// An operator told everybody something.
        AnnouncementPosted = "lastcall.announcement.posted.v1",
    }
    own_doing: {
        /// A person did something with notifications of theirs.
        NotificationStateChanged = "lastcall.notification.state.changed.v1",
        /// A person chose what reaches them as an alert.
        PreferencesChanged = "lastcall.preferences.changed.v1",
    }
}

impl Event {
    /// What the event is about, as `<kind>/<id>`: the CloudEvents `subject`.
    pub fn aggregate(&self) -> String {
        match self {
            Self::CouponExpiring(e) => format!("coupon/{}", e.coupon_id),
            Self::CouponIssued(e) => format!("coupon/{}", e.coupon_id),
            Self::FundingClosing(e) => format!("funding/{}", e.funding_id),
            Self::FundingSucceeded(e) => format!("funding/{}", e.funding_id),
            Self::FundingFailed(e) => format!("funding/{}", e.funding_id),
            Self::AlertDue(e) => format!("alert/{}", e.alert_id),
            Self::AnnouncementPosted(e) => format!("announcement/{}", e.announcement_id),
            Self::NotificationStateChanged(e) => format!("inbox/{}", e.user_id),
            Self::PreferencesChanged(e) => format!("preferences/{}", e.user_id),
        }
    }

    /// The funding that the event belongs to, if it belongs to one.
    pub fn funding_id(&self) -> Option<&str> {
        match self {
            Self::CouponExpiring(e) => e.funding_id.as_deref(),
            Self::CouponIssued(e) => Some(&e.funding_id),
            Self::FundingClosing(e) => Some(&e.funding_id),
            Self::FundingSucceeded(e) => Some(&e.funding_id),
            Self::FundingFailed(e) => Some(&e.funding_id),
            Self::AlertDue(_)
            | Self::AnnouncementPosted(_)
            | Self::NotificationStateChanged(_)
            | Self::PreferencesChanged(_) => None,
        }
    }

    /// What people read: one entry for each language, the first one for everybody else. Nothing where the event is
    /// a person's own doing.
    pub fn words(&self) -> &[Words] {
        let one = match self {
            Self::CouponExpiring(e) => &e.words,
            Self::CouponIssued(e) => &e.words,
            Self::FundingClosing(e) => &e.words,
            Self::FundingSucceeded(e) => &e.words,
            Self::FundingFailed(e) => &e.words,
            Self::AlertDue(e) => &e.words,
            Self::AnnouncementPosted(e) => return &e.words,
            Self::NotificationStateChanged(_) | Self::PreferencesChanged(_) => return &[],
        };
        one.as_slice()
    }
}

/// The Protobuf form of an instant.
pub fn timestamp(instant: chrono::DateTime<chrono::Utc>) -> Timestamp {
    instant.into()
}
