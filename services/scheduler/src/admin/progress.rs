use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use store::job_runs::{AttemptRecord, Counts};
use utoipa::ToSchema;

/// Nothing takes longer than that and still has an end worth naming.
const LONGEST: f64 = 365.0 * 24.0 * 3600.0;

/// How fast a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Pace {
    /// Rows that the current attempt has read in a second, on average.
    pub rows_per_second: f64,
    /// About how many rows are left, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_left: Option<u64>,
    /// When the last of them will have been read if it goes on so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_end: Option<DateTime<Utc>>,
}

impl Pace {
    /// What the rows that an attempt has read say about those that are left of its run.
    pub(super) fn new(
        attempt: &AttemptRecord,
        run: Counts,
        total: Option<u64>,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let rows_per_second = Self::rate(attempt, now)?;
        let rows_left = total.map(|total| total.saturating_sub(run.read));
        let seconds_left = rows_left
            .map(|rows| rows as f64 / rows_per_second)
            .filter(|seconds| *seconds < LONGEST);
        Some(Self {
            rows_per_second,
            rows_left,
            estimated_end: seconds_left.map(|seconds| now + TimeDelta::milliseconds((seconds * 1e3) as i64)),
        })
    }

    /// Rows a second; nothing before any time has passed.
    pub(super) fn rate(attempt: &AttemptRecord, now: DateTime<Utc>) -> Option<f64> {
        let seconds = (attempt.ended_at.unwrap_or(now) - attempt.started_at).as_seconds_f64();
        (seconds > 0.0).then(|| attempt.counts.read as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::job_runs::State;

    fn attempt(read: u64) -> AttemptRecord {
        AttemptRecord {
            number: 2,
            started_at: "2026-11-22T09:00:00Z".parse().unwrap(),
            ended_at: None,
            state: State::Running,
            counts: counts(read),
            error: None,
        }
    }

    fn counts(read: u64) -> Counts {
        Counts {
            read,
            ..Counts::default()
        }
    }

    #[test]
    fn the_end_is_estimated_from_what_this_attempt_read_and_what_the_run_has_left() {
        let now = "2026-11-22T09:00:10Z".parse().unwrap();
        let pace = Pace::new(&attempt(5_000), counts(80_000), Some(100_000), now).unwrap();
        let expected = Pace {
            rows_per_second: 500.0,
            rows_left: Some(20_000),
            estimated_end: Some("2026-11-22T09:00:50Z".parse().unwrap()),
        };
        assert_eq!(pace, expected);
    }

    #[test]
    fn nothing_is_estimated_from_nothing() {
        let now = "2026-11-22T09:00:10Z".parse().unwrap();
        let still = Pace::new(&attempt(0), counts(0), Some(100_000), now).unwrap();
        assert_eq!((still.rows_per_second, still.estimated_end), (0.0, None));
        let done = Pace::new(&attempt(0), counts(9), Some(7), now).unwrap();
        assert_eq!(
            (done.rows_left, done.estimated_end),
            (Some(0), None),
            "0 of 0 is no number"
        );
        assert_eq!(
            Pace::new(&attempt(10), counts(10), None, now)
                .unwrap()
                .estimated_end,
            None
        );
        assert_eq!(
            Pace::new(&attempt(10), counts(10), None, attempt(0).started_at),
            None
        );
    }
}
