use domain::preferences::{Preferences, QuietHours};
use proto_schemas::Cursor;
use serde::Serialize;
use utoipa::ToSchema;

use crate::current::Current;

/// What arrives silently.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreferencesAnswer {
    /// CloudEvents types that always do.
    #[schema(example = json!(["lastcall.coupon.expiring.v1"]))]
    types_off: Vec<String>,
    /// When everything does, if ever.
    quiet_hours: Option<QuietHoursAnswer>,
    /// Fundings of which everything does.
    #[schema(example = json!(["f-lamp"]))]
    muted_fundings: Vec<String>,
    /// Everything up to here is in the answer; of a change, where it stands. `null` before anything was ever told to
    /// anybody.
    #[schema(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// A part of each day on a clock.
#[derive(Debug, Serialize, ToSchema)]
struct QuietHoursAnswer {
    /// First minute.
    #[schema(example = "22:00")]
    from: String,
    /// First minute after; before `from`, it is on the next day.
    #[schema(example = "07:00")]
    to: String,
    /// IANA name of the zone whose clock it is.
    #[schema(example = "Asia/Seoul")]
    time_zone: &'static str,
}

impl PreferencesAnswer {
    pub(crate) fn new(preferences: Preferences, cursor: Option<Cursor>) -> Self {
        Self {
            types_off: preferences.types_off.into_iter().collect(),
            quiet_hours: preferences.quiet_hours.map(QuietHoursAnswer::from),
            muted_fundings: preferences.muted_fundings.into_iter().collect(),
            cursor,
        }
    }
}

impl From<QuietHours> for QuietHoursAnswer {
    fn from(hours: QuietHours) -> Self {
        Self {
            from: hours.from().to_string(),
            to: hours.to().to_string(),
            time_zone: hours.zone().name(),
        }
    }
}

impl Current for PreferencesAnswer {
    fn cursor(&mut self) -> &mut Option<Cursor> {
        &mut self.cursor
    }
}
