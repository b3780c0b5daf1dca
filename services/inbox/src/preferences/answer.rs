use domain::preferences::{Preferences, QuietHours};
use proto_schemas::Cursor;
use serde::Serialize;
use utoipa::openapi::{Content, Header, Object, Ref, ResponseBuilder, Type};
use utoipa::{IntoResponses, ToSchema};

use crate::current::Current;
use crate::description::{Responses, described};

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

/// What changes of preferences are answered with, made or refused.
pub(crate) struct PreferencesWritten;

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

impl IntoResponses for PreferencesWritten {
    fn responses() -> Responses {
        let header = |description: &str| {
            let mut header = Header::new(Object::with_type(Type::String));
            header.description = Some(description.to_owned());
            header
        };
        let schema = Ref::from_schema_name(PreferencesAnswer::name());
        let done = ResponseBuilder::new()
            .content("application/json", Content::new(Some(schema)))
            .header("etag", header("Of these preferences, for If-Match."))
            .header(
                "lastcall-cursor",
                header("The answer's cursor: once an answer reaches it, the change is in there."),
            );
        let mut responses = described([(412, "The preferences are not those of If-Match.")]);
        responses.insert("200".to_owned(), done.build().into());
        responses
    }
}

impl Current for PreferencesAnswer {
    fn cursor(&mut self) -> &mut Option<Cursor> {
        &mut self.cursor
    }
}
