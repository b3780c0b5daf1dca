//! Runs in words.

use std::time::Duration;

use scheduler::Counts;
use scheduler::admin::{AttemptSummary, RunSummary};

/// For what a run or an attempt has done.
pub(super) fn counts(counts: Counts, total: Option<u64>) -> String {
    let Counts {
        read,
        emitted,
        already_emitted,
        skipped,
    } = counts;
    let of = total
        .map(|total| format!(" of about {total}"))
        .unwrap_or_default();
    format!(
        "{read}{of} rows read: {emitted} events emitted, {already_emitted} already emitted, {skipped} rows skipped"
    )
}

/// How late a run began, how long it took, and in how many attempts.
pub(super) fn times(run: &RunSummary) -> String {
    let mut parts = Vec::new();
    match run.began_late_seconds {
        Some(_) if run.origin == "request" => parts.push("run by hand".to_owned()),
        Some(late) => parts.push(format!("began {} late", seconds(late))),
        None => return "not begun".to_owned(),
    }
    parts.push(format!("took {}", seconds(run.took_seconds)));
    if run.attempts.len() > 1 {
        parts.push(format!("{} attempts", run.attempts.len()));
    }
    parts.join(", ")
}

/// An attempt on one line.
pub(super) fn attempt(attempt: &AttemptSummary, began: &str) -> String {
    let rate = attempt
        .rows_per_second
        .map(|rate| format!(", {rate:.0} rows a second"))
        .unwrap_or_default();
    let error = attempt
        .error
        .as_ref()
        .map(|error| format!(": {error}"))
        .unwrap_or_default();
    format!(
        "attempt {} {} {began}{rate}, {}{error}",
        attempt.number,
        attempt.state,
        counts(attempt.counts, None)
    )
}

/// A span for people, as exact as its length asks for.
pub(super) fn seconds(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    if seconds < 1.0 {
        return format!("{:.0}ms", seconds * 1e3);
    }
    if seconds < 60.0 {
        return format!("{seconds:.1}s");
    }
    let whole = Duration::try_from_secs_f64(seconds.round()).unwrap_or(Duration::MAX);
    humantime::format_duration(whole).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_as_exact_as_their_length_asks_for() {
        assert_eq!(seconds(-3.0), "0ms");
        assert_eq!(seconds(0.0061), "6ms");
        assert_eq!(seconds(1.26), "1.3s");
        assert_eq!(seconds(59.0), "59.0s");
        assert_eq!(seconds(3_725.4), "1h 2m 5s");
    }
}
