//! What a client asks for: where its stream is to begin.

use axum::http::HeaderValue;
use chrono::{DateTime, Utc};
use proto_schemas::Cursor;
use serde::Deserialize;
use service_kit::problem::Problem;
use utoipa::IntoParams;

use crate::frame::Heartbeat;

/// What a browser sends when it reconnects.
pub(crate) const LAST_EVENT_ID: &str = "last-event-id";

/// The query of a stream request. What is not named here is ignored.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    /// The id to go on after, where no header can be set. `Last-Event-ID` wins, because an `EventSource` that comes back
    /// uses its first URL again.
    #[param(example = "k3v9x2ma.1024")]
    last_event_id: Option<String>,
    /// Begin with what was stored at this time (RFC 3339) or so long ago (`90s`, `2h 30m`).
    #[param(example = "2h")]
    since: Option<String>,
    /// `earliest`: begin with the oldest that there is. Without any of these a stream begins now.
    #[param(example = "earliest")]
    from: Option<String>,
    /// As what heartbeats come: `comment`, or `event` for pages, which a browser tells of no comments.
    #[param(inline)]
    #[serde(default)]
    pub(crate) heartbeat: Heartbeat,
}

/// Where a stream begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Start {
    /// After a position, as the client wrote it.
    After(Cursor),
    /// With what was stored at a time or later; also as the client wrote it.
    Since { instant: DateTime<Utc>, written: String },
    /// With the oldest that there is.
    Earliest,
    /// With what comes next.
    Now,
}

impl Start {
    /// Takes the first of `Last-Event-ID`, `last_event_id`, `since`, `from` that is there; the others do not count.
    ///
    /// An `EventSource` that reconnects uses its first URL again, so that the header has to win over what the URL says.
    pub(crate) fn of(
        last_event_id: Option<&HeaderValue>,
        query: &Parameters,
        now: DateTime<Utc>,
    ) -> Result<Self, Problem> {
        if let Some(header) = last_event_id.filter(|header| !header.is_empty()) {
            return cursor(
                "the header Last-Event-ID",
                &String::from_utf8_lossy(header.as_bytes()),
            );
        }
        let id = query.last_event_id.as_deref();
        Self::of_query(
            "the parameter last_event_id",
            id,
            query.since.as_deref(),
            query.from.as_deref(),
            now,
        )
    }

    /// Takes the first of a position, a time and a name that is there; `place` says where the position stands.
    pub(crate) fn of_query(
        place: &str,
        id: Option<&str>,
        since: Option<&str>,
        from: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Self, Problem> {
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            return cursor(place, id);
        }
        match (since, from) {
            (Some(since), _) => instant(since, now)
                .map(|instant| Self::Since { instant, written: since.to_owned() })
                .ok_or_else(|| {
                    Problem::malformed(
                        "the parameter since is neither a time (2026-11-21T09:00:00Z) nor a duration (90s, 2h 30m)",
                    )
                }),
            (None, Some("earliest")) => Ok(Self::Earliest),
            (None, None) => Ok(Self::Now),
            (None, Some(_)) => {
                Err(Problem::malformed("the parameter from can only be \"earliest\"; leave it out to begin now"))
            }
        }
    }
}

fn cursor(place: &str, text: &str) -> Result<Start, Problem> {
    text.parse().map(Start::After).map_err(|error| {
        Problem::malformed(format!(
            "{place} is no position that this service gave out: {error}"
        ))
    })
}

fn instant(since: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if let Ok(ago) = humantime::parse_duration(since) {
        return chrono::TimeDelta::from_std(ago)
            .ok()
            .and_then(|ago| now.checked_sub_signed(ago));
    }
    // A `+` that nobody encoded arrives as a space.
    let written = since.trim().replace(' ', "+");
    DateTime::parse_from_rfc3339(&written)
        .ok()
        .map(|instant| instant.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn start(header: Option<&str>, query: &str) -> Result<Start, Problem> {
        let uri = format!("/v1/stream?{query}").parse().unwrap();
        let axum::extract::Query(parameters) = axum::extract::Query::try_from_uri(&uri).unwrap();
        let header = header.map(|header| header.parse().unwrap());
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        Start::of(header.as_ref(), &parameters, now)
    }

    #[test]
    fn the_sources_of_a_position_have_an_order() {
        let all = "last_event_id=abc.2&since=1h&from=earliest";
        assert_eq!(
            start(Some("abc.1"), all).unwrap(),
            Start::After("abc.1".parse().unwrap())
        );
        assert_eq!(start(None, all).unwrap(), Start::After("abc.2".parse().unwrap()));
        assert!(matches!(
            start(None, "since=1h&from=earliest").unwrap(),
            Start::Since { .. }
        ));
        assert_eq!(start(None, "from=earliest").unwrap(), Start::Earliest);
        assert_eq!(start(None, "other=1").unwrap(), Start::Now);
        assert_eq!(
            start(Some(""), "last_event_id=").unwrap(),
            Start::Now,
            "empty is as good as absent"
        );
    }

    #[test]
    fn since_is_a_time_or_a_duration() {
        let at = |query: &str| match start(None, query).unwrap() {
            Start::Since { instant, .. } => instant.timestamp(),
            other => panic!("{other:?}"),
        };
        assert_eq!(at("since=90s"), 1_799_999_910);
        assert_eq!(at("since=2027-01-15T08:00:00Z"), 1_800_000_000);
        assert_eq!(at("since=2027-01-15T17:00:00%2B09:00"), 1_800_000_000);
        assert_eq!(
            at("since=2027-01-15T17:00:00+09:00"),
            1_800_000_000,
            "with a + that was not encoded"
        );
    }

    #[test]
    fn what_is_malformed_is_refused_with_its_place() {
        for (header, query, place) in [
            (Some("not a cursor"), "", "Last-Event-ID"),
            (Some("abc.01"), "", "Last-Event-ID"),
            (None, "last_event_id=abc", "last_event_id"),
            (None, "since=yesterday", "since"),
            (None, "since=99999999999999y", "since"),
            (None, "from=now", "from"),
        ] {
            let problem = start(header, query).unwrap_err();
            assert_eq!(problem.status, 400);
            assert!(problem.detail.contains(place), "{}", problem.detail);
        }
    }

    proptest! {
        #[test]
        fn nothing_that_a_client_sends_is_a_panic(header in prop::collection::vec(any::<u8>(), 0..200), since in ".*") {
            let header = HeaderValue::from_bytes(&header).ok();
            let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
            let parameters = Parameters { since: Some(since), ..Parameters::default() };
            let _ = Start::of(header.as_ref(), &parameters, now);
            let _ = Start::of(None, &parameters, now);
        }
    }
}
