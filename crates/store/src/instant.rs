use chrono::{DateTime, Timelike as _, Utc};

/// The instant as both engines keep it.
///
/// PostgreSQL keeps microseconds and would round what is finer, so that a row no longer equals the key made from it.
/// SQLite keeps text that sorts like the instants it stands for as long as years have four digits.
pub(crate) fn stored(instant: DateTime<Utc>) -> DateTime<Utc> {
    let micros = instant.nanosecond() / 1_000 * 1_000;
    instant
        .with_nanosecond(micros)
        .unwrap_or(instant)
        .clamp(FIRST, LAST)
}

/// 0000-01-01T00:00:00Z.
const FIRST: DateTime<Utc> = DateTime::from_timestamp(-62_167_219_200, 0).expect("is in range");

/// 9999-12-31T23:59:59Z.
const LAST: DateTime<Utc> = DateTime::from_timestamp(253_402_300_799, 0).expect("is in range");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_engine_could_not_keep_is_cut_for_both() {
        let fine: DateTime<Utc> = "2026-11-21T09:00:00.123456789Z".parse().unwrap();
        assert_eq!(stored(fine).to_rfc3339(), "2026-11-21T09:00:00.123456+00:00");
        assert_eq!(
            stored(DateTime::<Utc>::MAX_UTC).to_rfc3339(),
            "9999-12-31T23:59:59+00:00"
        );
        assert_eq!(
            stored(DateTime::<Utc>::MIN_UTC).to_rfc3339(),
            "0000-01-01T00:00:00+00:00"
        );
    }
}
