//! Wanting something else.

use axum::http::{HeaderMap, StatusCode};
use chrono::Utc;
use chrono_tz::Tz;
use domain::entry::Entry;
use domain::preferences::Preferences;
use proto_schemas::UserId;
use service_kit::problem::Problem;
use uuid::Uuid;

use super::request::{MAX_MUTED, Wanted};
use crate::Inbox;
use crate::current::Tag;
use crate::tables::answered;
use crate::writing::{Change, Decision, Place};

/// What is to be wanted instead.
pub(crate) enum Instead {
    /// This and nothing else.
    All(Wanted),
    /// Nothing of this funding, besides.
    Muted(String),
    /// This funding again.
    Unmuted(String),
}

/// A change of what a person wants.
pub(crate) struct PreferencesChange<'a> {
    pub(crate) user: &'a UserId,
    pub(crate) instead: Instead,
    /// Its `If-Match` says what the client takes for the present preferences.
    pub(crate) request: &'a HeaderMap,
}

/// What a person wants, and the place of the event that said so.
pub(crate) struct Version {
    pub(crate) preferences: Preferences,
    /// 0 where none did; absent where that is the place of the answer itself.
    pub(crate) sequence: Option<u64>,
}

impl PreferencesChange<'_> {
    async fn after(&self, inbox: &Inbox, mut present: Preferences) -> Result<Preferences, Problem> {
        match &self.instead {
            Instead::All(wanted) => {
                let zone = match wanted.needs_zone() {
                    true => inbox.zone_of(self.user).await?,
                    false => Tz::UTC,
                };
                wanted
                    .on_clock_of(zone)
                    .map_err(|error| Problem::internal(&error))
            }
            Instead::Muted(id) => {
                present.muted_fundings.insert(id.clone());
                Ok(present)
            }
            Instead::Unmuted(id) => {
                present.muted_fundings.remove(id);
                Ok(present)
            }
        }
    }
}

impl Change for PreferencesChange<'_> {
    type Answer = Version;

    async fn decide(&self, inbox: &Inbox, _: Place, id: Uuid) -> Result<Decision<Version>, Problem> {
        let stored = answered(inbox.store.preferences(self.user).await)?.value;
        let (present, sequence) = stored.map_or((Preferences::default(), 0), |stored| {
            (stored.preferences, stored.sequence)
        });
        if !Tag::of_version(sequence).is_expected(self.request) {
            return Ok(Decision::Refuse(changed_since()));
        }
        let after = self.after(inbox, present.clone()).await?;
        if after == present {
            return Ok(Decision::Keep(Version {
                preferences: present,
                sequence: Some(sequence),
            }));
        }
        if after.muted_fundings.len() > MAX_MUTED {
            return Ok(Decision::Refuse(too_many_muted()));
        }
        let event = after.clone().into_event(self.user.clone(), id, Utc::now());
        let version = Version {
            preferences: after,
            sequence: None,
        };
        Ok(Decision::Append(event, version))
    }

    fn made_before(&self, entry: Entry) -> Option<Version> {
        let Entry::PreferencesChanged { user, preferences } = entry else {
            return None;
        };
        let same = match &self.instead {
            // Whoever named no clock means the one that was found then.
            Instead::All(wanted) => {
                let zone = preferences.quiet_hours.map_or(Tz::UTC, |hours| hours.zone());
                wanted.on_clock_of(zone).is_ok_and(|wanted| wanted == preferences)
            }
            Instead::Muted(id) => preferences.muted_fundings.contains(id),
            Instead::Unmuted(id) => !preferences.muted_fundings.contains(id),
        };
        (same && user == *self.user).then_some(Version {
            preferences,
            sequence: None,
        })
    }
}

impl Inbox {
    /// The zone of a person; UTC where it is not known.
    async fn zone_of(&self, user: &UserId) -> Result<Tz, Problem> {
        let name = answered(self.store.time_zone_of(user).await)?;
        Ok(name.and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC))
    }
}

fn changed_since() -> Problem {
    Problem::new(
        StatusCode::PRECONDITION_FAILED,
        "precondition-failed",
        "The preferences are not those of If-Match",
        "they were changed since; read them again and decide anew",
    )
}

fn too_many_muted() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "too-many-muted-fundings",
        "There are too many muted fundings",
        format!("you have muted {MAX_MUTED} fundings, and may mute no other; take one back first"),
    )
}
