use std::collections::BTreeSet;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use chrono_tz::Tz;
use domain::catalogue::MAX_ID_BYTES;
use domain::preferences::{Preferences, QuietHours};
use domain::reminder::TimeOfDay;
use serde::Deserialize;
use service_kit::problem::Problem;
use utoipa::ToSchema;

use crate::clock::{At, Zone};
use crate::told::check_type;

/// The most types that may be turned off. There are fewer; later versions may have more.
const MAX_TYPES_OFF: usize = 64;

/// The most fundings that one person may mute.
pub(crate) const MAX_MUTED: usize = 1_000;

/// All that a person wants from now on. What is absent they do not want any more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreferencesRequest {
    /// CloudEvents types that always arrive silently.
    #[serde(default)]
    #[schema(max_items = 64, example = json!(["lastcall.coupon.expiring.v1"]))]
    types_off: Vec<String>,
    /// When everything does; never if absent or `null`.
    #[serde(default)]
    quiet_hours: Option<QuietHoursRequest>,
    /// Fundings of which everything does.
    #[serde(default)]
    #[schema(max_items = 1000, example = json!(["f-lamp"]))]
    muted_fundings: Vec<String>,
}

/// A part of each day on a clock.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct QuietHoursRequest {
    /// First minute.
    #[schema(value_type = String, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "22:00")]
    from: At,
    /// First minute after; before `from`, it is on the next day. Not the same as `from`.
    #[schema(value_type = String, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "07:00")]
    to: At,
    /// IANA name of the zone whose clock it is; if absent, that of the person, else UTC.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "Asia/Seoul")]
    time_zone: Option<Zone>,
}

/// Preferences as they are asked for: their quiet hours may be on a clock that is not known yet.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    types_off: BTreeSet<String>,
    quiet_hours: Option<(TimeOfDay, TimeOfDay, Option<Tz>)>,
    muted_fundings: BTreeSet<String>,
}

impl PreferencesRequest {
    pub(crate) fn wanted(self) -> Result<Wanted, Problem> {
        bounded("types_off", self.types_off.len(), MAX_TYPES_OFF)?;
        bounded("muted_fundings", self.muted_fundings.len(), MAX_MUTED)?;
        for event_type in &self.types_off {
            check_type(event_type).map_err(|unknown| Problem::malformed(format!("types_off: {unknown}")))?;
        }
        for id in &self.muted_fundings {
            check_funding(id).map_err(|reason| Problem::malformed(format!("muted_fundings: {reason}")))?;
        }
        let quiet_hours = self.quiet_hours.map(|hours| {
            let zone = hours.time_zone.map(|zone| zone.0);
            (hours.from.0, hours.to.0, zone)
        });
        let wanted = Wanted {
            types_off: self.types_off.into_iter().collect(),
            quiet_hours,
            muted_fundings: self.muted_fundings.into_iter().collect(),
        };
        // Whether the hours are any does not depend on the clock.
        wanted
            .on_clock_of(Tz::UTC)
            .map_err(|error| Problem::malformed(format!("quiet_hours: {error}")))?;
        Ok(wanted)
    }
}

impl Wanted {
    /// Whether the zone of the person has to be known.
    pub(crate) fn needs_zone(&self) -> bool {
        matches!(self.quiet_hours, Some((_, _, None)))
    }

    /// The preferences, with this clock where they name none.
    pub(crate) fn on_clock_of(&self, zone: Tz) -> Result<Preferences, domain::preferences::PreferencesError> {
        let hours = |(from, to, own): (TimeOfDay, TimeOfDay, Option<Tz>)| {
            QuietHours::new(from, to, own.unwrap_or(zone))
        };
        Ok(Preferences {
            types_off: self.types_off.clone(),
            quiet_hours: self.quiet_hours.map(hours).transpose()?,
            muted_fundings: self.muted_fundings.clone(),
        })
    }
}

fn bounded(field: &str, found: usize, most: usize) -> Result<(), Problem> {
    if found > most {
        return Err(Problem::malformed(format!(
            "{field} has {found} entries; {most} is the most"
        )));
    }
    Ok(())
}

/// Refuses what no funding is called.
fn check_funding(id: &str) -> Result<(), String> {
    if id.is_empty() || id.len() > MAX_ID_BYTES || id.chars().any(char::is_control) {
        return Err(format!(
            "{id:?} is no id of a funding, which has 1 to {MAX_ID_BYTES} bytes and no control characters"
        ));
    }
    Ok(())
}

/// The funding that a path names.
pub(crate) struct FundingId(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for FundingId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(id) = path.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
        check_funding(&id).map_err(Problem::malformed)?;
        Ok(Self(id))
    }
}
