//! Times of day and time zones as people write them.

use chrono_tz::Tz;
use domain::reminder::TimeOfDay;
use serde::Deserialize;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct At(pub(crate) TimeOfDay);

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Zone(pub(crate) Tz);

impl TryFrom<String> for At {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
            .map(Self)
            .map_err(|_| "is no time of day between 00:00 and 23:59, such as 19:30")
    }
}

impl TryFrom<String> for Zone {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
            .map(Self)
            .map_err(|_| "is no IANA time zone such as Asia/Seoul")
    }
}
