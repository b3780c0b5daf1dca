//! Instants as people write and read them: on the clock of the job's zone.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use domain::due::first_instant_at;
use scheduler::admin::{InstantError, parse_instant};

/// Neither of the two ways to write an instant.
#[derive(Debug, thiserror::Error)]
#[error("write an instant such as 2026-11-21T09:00:00Z, or a date such as 2026-11-21")]
pub(super) struct NoInstant(#[source] InstantError);

/// An instant exactly, or a date for its first instant in `zone`.
pub(super) fn parse(text: &str, zone: Tz) -> Result<DateTime<Utc>, NoInstant> {
    let date = text.parse::<NaiveDate>().ok();
    let first = date.map(|date| first_instant_at(date.and_time(NaiveTime::MIN), zone));
    // By way of its text, so that dates keep to the same years.
    match first {
        Some(first) => parse_instant(&first.to_rfc3339()),
        None => parse_instant(text),
    }
    .map_err(NoInstant)
}

/// As the clocks of `zone` show it.
pub(super) fn local(instant: DateTime<Utc>, zone: Tz) -> String {
    instant
        .with_timezone(&zone)
        .to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_given_exactly_or_as_a_date_of_the_zone() {
        let seoul = chrono_tz::Asia::Seoul;
        let parsed = |text| parse(text, seoul).map(|i| i.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        assert_eq!(
            parsed("2026-11-21T09:00:00+09:00").unwrap(),
            "2026-11-21T00:00:00Z"
        );
        assert_eq!(parsed("2018-02-01").unwrap(), "2018-01-31T15:00:00Z");
        for wrong in ["yesterday", "+12026-01-01", "0900-01-01"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_shown_can_be_given_again() {
        let berlin = chrono_tz::Europe::Berlin;
        let instant: DateTime<Utc> = "2026-11-21T09:00:00.123456Z".parse().unwrap();
        let shown = local(instant, berlin);
        assert_eq!(shown, "2026-11-21T10:00:00.123456+01:00");
        assert_eq!(parse(&shown, berlin).unwrap(), instant);
    }
}
