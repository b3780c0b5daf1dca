//! What the fields of an alert may hold. Each says what is wrong with a value, and the field is named by who reads it.

use chrono::Weekday;
use domain::catalogue::{MAX_CONTENT_BYTES, MAX_TITLE_BYTES};
use domain::reminder::Weekdays;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lines::line;

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Title(pub(crate) String);

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Content(pub(crate) String);

#[derive(Debug, Deserialize)]
#[serde(try_from = "Vec<Day>")]
pub(crate) struct Days(pub(crate) Weekdays);

/// A day of the week.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl TryFrom<String> for Title {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        line(text, MAX_TITLE_BYTES).map(Self)
    }
}

impl TryFrom<String> for Content {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        line(text, MAX_CONTENT_BYTES).map(Self)
    }
}

impl TryFrom<Vec<Day>> for Days {
    type Error = &'static str;

    fn try_from(days: Vec<Day>) -> Result<Self, Self::Error> {
        Weekdays::of(days.into_iter().map(Weekday::from))
            .map(Self)
            .ok_or("names no day; leave it out for every day")
    }
}

impl From<Day> for Weekday {
    fn from(day: Day) -> Self {
        match day {
            Day::Mon => Self::Mon,
            Day::Tue => Self::Tue,
            Day::Wed => Self::Wed,
            Day::Thu => Self::Thu,
            Day::Fri => Self::Fri,
            Day::Sat => Self::Sat,
            Day::Sun => Self::Sun,
        }
    }
}

impl From<Weekday> for Day {
    fn from(day: Weekday) -> Self {
        match day {
            Weekday::Mon => Self::Mon,
            Weekday::Tue => Self::Tue,
            Weekday::Wed => Self::Wed,
            Weekday::Thu => Self::Thu,
            Weekday::Fri => Self::Fri,
            Weekday::Sat => Self::Sat,
            Weekday::Sun => Self::Sun,
        }
    }
}
