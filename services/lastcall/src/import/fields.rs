//! Values of a row, each read with the name of its column at hand.

use std::borrow::Cow;
use std::fmt::Display;

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;
use domain::catalogue::{MAX_ID_BYTES, MAX_TITLE_BYTES};
use domain::due::{end_of_day, first_instant_at};

use super::columns::Names;
use super::reject::Fault;

/// The values of one row, one for each column of its kind; nothing where the file has none.
pub(super) struct Fields<'a> {
    pub(super) names: &'a Names,
    pub(super) values: Vec<Option<Cow<'a, [u8]>>>,
}

impl Fields<'_> {
    /// Reads a value that has to be there.
    pub(super) fn required<T, E: Display>(
        &self,
        column: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, Fault> {
        let value = self.optional(column, read)?;
        value.ok_or_else(|| Fault::of_column(self.header(column), "is missing", b""))
    }

    /// Reads a value that may be missing. Space around it does not count, and nothing but space is nothing.
    pub(super) fn optional<T, E: Display>(
        &self,
        column: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Fault> {
        self.value(column, |text| read(text.trim()))
    }

    /// Reads a text as it stands, space and all.
    pub(super) fn title(&self, column: &str) -> Result<String, Fault> {
        let title = self.value(column, |text| at_most(MAX_TITLE_BYTES, text))?;
        title.ok_or_else(|| Fault::of_column(self.header(column), "is missing", b""))
    }

    fn value<T, E: Display>(
        &self,
        column: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Fault> {
        let index = self.names.index(column);
        let Some(bytes) = index.and_then(|index| self.values[index].as_deref()) else {
            return Ok(None);
        };
        let fault = |reason: String| Fault::of_column(self.header(column), reason, bytes);
        let text = std::str::from_utf8(bytes).map_err(|_| fault("is not UTF-8".to_owned()))?;
        // PostgreSQL keeps none, and a file that has some is not what it seems.
        if text.contains('\0') {
            return Err(fault("has a NUL character in it".to_owned()));
        }
        if text.trim().is_empty() {
            return Ok(None);
        }
        read(text).map(Some).map_err(|error| fault(error.to_string()))
    }

    /// What the file calls the column.
    pub(super) fn header<'a>(&'a self, column: &'a str) -> &'a str {
        self.names
            .index(column)
            .map_or(column, |index| self.names.header(index))
    }
}

/// An id of anything but a user.
pub(super) fn id(text: &str) -> Result<String, String> {
    at_most(MAX_ID_BYTES, text)
}

pub(super) fn time_zone(text: &str) -> Result<Tz, &'static str> {
    text.parse()
        .map_err(|_| "is no IANA time zone such as Asia/Seoul")
}

pub(super) fn at_most(bytes: usize, text: &str) -> Result<String, String> {
    if text.len() > bytes {
        return Err(format!("has {} bytes; {bytes} is the most", text.len()));
    }
    Ok(text.to_owned())
}

/// An instant with its offset, or a date and time on the clock of `zone`, or a date for the end of that day there.
pub(super) fn instant(text: &str, zone: Tz) -> Result<DateTime<Utc>, String> {
    let instant = if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        instant.to_utc()
    } else if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        end_of_day(date, zone)
    } else {
        let local = [
            "%Y-%m-%d %H:%M:%S%.f",
            "%Y-%m-%d %H:%M",
            "%Y-%m-%dT%H:%M:%S%.f",
            "%Y-%m-%dT%H:%M",
        ]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .ok_or("is neither an instant such as 2026-12-31T18:00:00+09:00, nor 2026-12-31 18:00, nor a date")?;
        first_instant_at(local, zone)
    };
    // Beyond, text no longer sorts as time does.
    if !(1..=9999).contains(&instant.year()) {
        return Err("is not between the years 1 and 9999".to_owned());
    }
    Ok(instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_with_their_offset_or_on_the_clock_of_the_zone() {
        let seoul = |text| instant(text, chrono_tz::Asia::Seoul).map(|i| i.to_rfc3339());
        for (text, expected) in [
            ("2026-12-31T18:00:00+01:00", "2026-12-31T17:00:00+00:00"),
            ("2026-12-31 18:00:00.5Z", "2026-12-31T18:00:00.500+00:00"),
            ("2026-12-31 18:00", "2026-12-31T09:00:00+00:00"),
            ("2026-12-31 18:00:30", "2026-12-31T09:00:30+00:00"),
            ("2026-12-31T18:00", "2026-12-31T09:00:00+00:00"),
            ("2026-12-31", "2026-12-31T14:59:59+00:00"),
        ] {
            assert_eq!(seoul(text).as_deref(), Ok(expected), "{text}");
        }
        for text in [
            "31.12.2026",
            "2026-13-01",
            "2026-02-30",
            "2026-12-31 25:00",
            "12345-01-01",
            "tomorrow",
        ] {
            assert!(seoul(text).is_err(), "{text}");
        }
    }
}
