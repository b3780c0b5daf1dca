use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use domain::catalogue::MAX_ID_BYTES;
use domain::reminder::Weekdays;
use serde::{Deserialize, Deserializer};
use service_kit::problem::Problem;
use store::alerts::AlertSetting;
use utoipa::{IntoParams, ToSchema};

use super::values::{Content, Day, Days, Title};
use crate::clock::{At, Zone};

/// The most alerts on one page.
pub(crate) const MAX_LIMIT: u64 = 200;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertQuery {
    /// How many at the most.
    #[param(minimum = 1, maximum = 200, default = 100)]
    pub(crate) limit: Option<u64>,
    /// The `next` of the page before; without, the first.
    pub(crate) after: Option<String>,
}

/// An alert as its owner wants it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAlert {
    /// What to call it: one line of at most 1000 bytes.
    #[schema(value_type = String, example = "Evening stretch")]
    title: Title,
    /// The piece of content it is for, as the site refers to it (an id or a path): at most 1000 bytes.
    #[schema(value_type = Option<String>, example = "/lists/7")]
    content: Option<Content>,
    /// The time of day.
    #[schema(value_type = String, example = "19:30")]
    at: At,
    /// On which days; every day if absent.
    #[schema(value_type = Option<Vec<Day>>)]
    weekdays: Option<Days>,
    /// IANA name of the time zone whose clock it goes by; if absent, that of its owner, which it then follows.
    #[schema(value_type = Option<String>, example = "Asia/Seoul")]
    time_zone: Option<Zone>,
}

/// What is to be different. Whatever is absent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertChange {
    /// What to call it.
    #[schema(value_type = Option<String>, nullable = false)]
    #[serde(default, deserialize_with = "named")]
    title: Option<Title>,
    /// The piece of content it is for; `null` for none.
    #[schema(value_type = Option<String>)]
    #[serde(default, deserialize_with = "named")]
    content: Option<Option<Content>>,
    /// The time of day.
    #[schema(value_type = Option<String>, nullable = false, example = "20:00")]
    #[serde(default, deserialize_with = "named")]
    at: Option<At>,
    /// On which days; `null` for every day.
    #[schema(value_type = Option<Vec<Day>>)]
    #[serde(default, deserialize_with = "named")]
    weekdays: Option<Option<Days>>,
    /// Whose clock it goes by; `null` for its owner's.
    #[schema(value_type = Option<String>)]
    #[serde(default, deserialize_with = "named")]
    time_zone: Option<Option<Zone>>,
}

/// A field that is there, be it with `null`: what may not be `null` then says so.
fn named<'de, T: Deserialize<'de>, D: Deserializer<'de>>(field: D) -> Result<Option<T>, D::Error> {
    T::deserialize(field).map(Some)
}

impl From<NewAlert> for AlertSetting {
    fn from(alert: NewAlert) -> Self {
        Self {
            title: alert.title.0,
            content: alert.content.map(|content| content.0),
            at: alert.at.0,
            weekdays: weekdays(alert.weekdays),
            time_zone: alert.time_zone.map(zone_name),
        }
    }
}

impl AlertChange {
    pub(crate) fn apply(self, setting: &mut AlertSetting) {
        if let Some(title) = self.title {
            setting.title = title.0;
        }
        if let Some(content) = self.content {
            setting.content = content.map(|content| content.0);
        }
        if let Some(at) = self.at {
            setting.at = at.0;
        }
        if let Some(days) = self.weekdays {
            setting.weekdays = weekdays(days);
        }
        if let Some(zone) = self.time_zone {
            setting.time_zone = zone.map(zone_name);
        }
    }
}

fn weekdays(days: Option<Days>) -> Weekdays {
    days.map_or(Weekdays::DAILY, |days| days.0)
}

fn zone_name(Zone(zone): Zone) -> String {
    zone.name().to_owned()
}

/// The id in the path, if it is one that an alert could have.
pub(crate) struct Id(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(id) = path.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
        if could_be_an_id(&id) {
            Ok(Self(id))
        } else {
            Err(not_found())
        }
    }
}

/// PostgreSQL keeps no NUL and refuses to look for one.
pub(crate) fn could_be_an_id(text: &str) -> bool {
    text.len() <= MAX_ID_BYTES && !text.contains('\0')
}

/// The same whether nobody has such an alert or somebody else.
pub(crate) fn not_found() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no-such-alert",
        "There is no such alert",
        "none of your alerts has this id",
    )
}
