use chrono::{DateTime, Datelike as _, SubsecRound as _, Utc};

/// Years that every database, calendar and JSON reader around here takes.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=9999;

/// A text that is no instant a job could be run for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstantError {
    /// It is not RFC 3339.
    #[error("{0:?} is no instant such as 2026-11-21T09:00:00Z")]
    Malformed(String),
    /// It is too far away.
    #[error("{0:?} is not in the years 1970 to 9999")]
    OutOfRange(String),
}

/// Reads an instant as RFC 3339, to the microsecond, which is what the tables keep.
pub fn parse_instant(text: &str) -> Result<DateTime<Utc>, InstantError> {
    let malformed = || InstantError::Malformed(shortened(text));
    let instant = DateTime::parse_from_rfc3339(text).map_err(|_| malformed())?;
    let instant = instant.to_utc().trunc_subsecs(6);
    if YEARS.contains(&instant.year()) {
        Ok(instant)
    } else {
        Err(InstantError::OutOfRange(shortened(text)))
    }
}

/// Enough to recognise it in a message.
fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_of_any_offset_are_read_to_the_microsecond_and_nothing_else_is() {
        let read = |text| parse_instant(text).map(|instant| instant.to_rfc3339());
        assert_eq!(
            read("2026-11-21T09:00:00+09:00").unwrap(),
            "2026-11-21T00:00:00+00:00"
        );
        assert_eq!(
            read("2026-11-21T09:00:00.1234567Z").unwrap(),
            "2026-11-21T09:00:00.123456+00:00"
        );
        for text in [
            "",
            "yesterday",
            "2026-11-21",
            "2026-02-30T00:00:00Z",
            "2026-11-21T09:00:00",
        ] {
            assert!(matches!(read(text), Err(InstantError::Malformed(_))), "{text}");
        }
        for text in ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z"] {
            assert!(matches!(read(text), Err(InstantError::OutOfRange(_))), "{text}");
        }
        assert!(read(&"9".repeat(10_000)).unwrap_err().to_string().len() < 100);
    }
}
