//! What a person wants to be alerted of.
//!
//! What they do not want is not kept from them: it arrives silently, in the list and not as an alert, and says why.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Timelike, Utc};
use chrono_tz::Tz;
use proto_schemas::events::v1;
use proto_schemas::{CloudEvent, UserId};
use uuid::Uuid;

use crate::reminder::TimeOfDay;

const SOURCE: &str = "/lastcall/inbox";

/// What arrives silently.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preferences {
    /// CloudEvents types that always do.
    pub types_off: BTreeSet<String>,
    /// When everything does, if ever.
    pub quiet_hours: Option<QuietHours>,
    /// Fundings of which everything does.
    pub muted_fundings: BTreeSet<String>,
}

/// A part of each day on a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    from: TimeOfDay,
    to: TimeOfDay,
    zone: Tz,
}

/// Why something arrives silently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Silence {
    /// The person wants no alerts of this type.
    TypeOff,
    /// The person wants no alerts about this funding.
    FundingMuted,
    /// It arrived in their quiet hours.
    QuietHours,
}

/// Why a message holds no preferences.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PreferencesError {
    /// They are missing.
    #[error("the preferences are missing")]
    Missing,
    /// The person is nobody.
    #[error("userId names no user")]
    User(#[source] proto_schemas::subject::UserIdError),
    /// A time that is none.
    #[error("the quiet hours' {0} is {1:?}, no time of day between 00:00 and 23:59")]
    TimeOfDay(&'static str, String),
    /// A zone that is none.
    #[error("the quiet hours' time zone {0:?} is no IANA time zone such as Asia/Seoul")]
    Zone(String),
    /// Nobody could tell whether that is never or always.
    #[error("the quiet hours end when they begin; for silence around the clock turn the types off")]
    Empty,
}

/// A word that is the name of no [`Silence`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no reason for silence")]
pub struct UnknownSilence(String);

impl Preferences {
    /// Why an event of that type, about that funding, arrives silently at that instant, if it does: the first reason in
    /// the order of [`Silence`].
    pub fn silence(&self, event_type: &str, funding_id: Option<&str>, at: DateTime<Utc>) -> Option<Silence> {
        if self.types_off.contains(event_type) {
            return Some(Silence::TypeOff);
        }
        if funding_id.is_some_and(|id| self.muted_fundings.contains(id)) {
            return Some(Silence::FundingMuted);
        }
        let quiet = self.quiet_hours.is_some_and(|hours| hours.contain(at));
        quiet.then_some(Silence::QuietHours)
    }

    /// As they are written.
    pub fn to_message(&self) -> v1::Preferences {
        v1::Preferences {
            types_off: self.types_off.iter().cloned().collect(),
            quiet_hours: self.quiet_hours.map(QuietHours::to_message),
            muted_fundings: self.muted_fundings.iter().cloned().collect(),
        }
    }

    /// Reads what was written.
    pub fn from_message(message: v1::Preferences) -> Result<Self, PreferencesError> {
        Ok(Self {
            types_off: message.types_off.into_iter().collect(),
            quiet_hours: message.quiet_hours.map(QuietHours::from_message).transpose()?,
            muted_fundings: message.muted_fundings.into_iter().collect(),
        })
    }

    /// The event that says that this person wants these from then on.
    pub fn into_event(self, user: UserId, id: Uuid, at: DateTime<Utc>) -> CloudEvent {
        let message = v1::PreferencesChanged {
            user_id: user.into(),
            preferences: Some(self.to_message()),
        };
        CloudEvent {
            id,
            source: SOURCE.to_owned(),
            time: at,
            expiry_time: None,
            event: message.into(),
        }
    }

    /// Reads the message of an event: who wants what.
    pub(crate) fn changed(message: v1::PreferencesChanged) -> Result<(UserId, Self), PreferencesError> {
        let user = UserId::new(message.user_id).map_err(PreferencesError::User)?;
        let preferences = message.preferences.ok_or(PreferencesError::Missing)?;
        Ok((user, Self::from_message(preferences)?))
    }
}

impl QuietHours {
    /// From the one minute until before the other, on the next day where that is earlier.
    ///
    /// # Errors
    ///
    /// When both are the same.
    pub fn new(from: TimeOfDay, to: TimeOfDay, zone: Tz) -> Result<Self, PreferencesError> {
        if from == to {
            return Err(PreferencesError::Empty);
        }
        Ok(Self { from, to, zone })
    }

    /// First minute.
    pub fn from(&self) -> TimeOfDay {
        self.from
    }

    /// First minute after.
    pub fn to(&self) -> TimeOfDay {
        self.to
    }

    /// On whose clock.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// Whether a clock of the zone shows a time among them at that instant.
    pub fn contain(&self, at: DateTime<Utc>) -> bool {
        let local = at.with_timezone(&self.zone);
        let minute = local.hour() * 60 + local.minute();
        let (from, to) = (u32::from(self.from.minute()), u32::from(self.to.minute()));
        if from < to {
            (from..to).contains(&minute)
        } else {
            minute >= from || minute < to
        }
    }

    fn to_message(self) -> v1::QuietHours {
        v1::QuietHours {
            from: self.from.to_string(),
            to: self.to.to_string(),
            time_zone: self.zone.name().to_owned(),
        }
    }

    fn from_message(message: v1::QuietHours) -> Result<Self, PreferencesError> {
        let time = |name, text: String| text.parse().map_err(|_| PreferencesError::TimeOfDay(name, text));
        let zone = message.time_zone;
        let zone: Tz = zone.parse().map_err(|_| PreferencesError::Zone(zone))?;
        Self::new(time("from", message.from)?, time("to", message.to)?, zone)
    }
}

impl Silence {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TypeOff => "type_off",
            Self::FundingMuted => "funding_muted",
            Self::QuietHours => "quiet_hours",
        }
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Silence {
    type Err = UnknownSilence;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::TypeOff, Self::FundingMuted, Self::QuietHours]
            .into_iter()
            .find(|silence| silence.as_str() == name)
            .ok_or_else(|| UnknownSilence(name.to_owned()))
    }
}
