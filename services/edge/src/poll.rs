//! `GET /v1/events`: long polling, for places that event streams do not get through.
//!
//! A poll is a stream that is written into one answer. It has a place among the streams and a position, is woken by the
//! same news, reads from the same window and log, and ends like them when the node does; the position it has then is what
//! the client sends next. So nothing is lost in between, and nothing comes twice.

mod page;

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use service_kit::auth::Identity;
use service_kit::problem::Problem;
use utoipa::IntoParams;

use crate::denied::Denied;
use crate::edge::{Edge, Shared};
use crate::metrics::{Kind, Later};
use crate::opening;
use crate::registry::Full;
use crate::request::Start;
use crate::routes::Client;
use page::{EventPage, Gathering};

/// How long a poll waits that does not say. Proxies cut what is silent for a minute, many of them earlier.
const USUAL_WAIT: Duration = Duration::from_secs(30);

/// How long a poll may wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How many events a poll gets that does not say.
const USUAL_EVENTS: usize = 100;

/// How many events a poll may ask for.
const MOST_EVENTS: usize = 1_000;

/// The query of a poll. What is not named here is ignored.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    /// The `cursor` of the answer before, or the id of an event of a stream.
    #[param(example = "k3v9x2ma.1024")]
    after: Option<String>,
    /// Begin with what was stored at this time (RFC 3339) or so long ago (`90s`, `2h 30m`).
    #[param(example = "2h")]
    since: Option<String>,
    /// `earliest`: begin with the oldest that there is. Without any of these a poll begins now.
    #[param(example = "earliest")]
    from: Option<String>,
    /// How long to wait for an event, up to `60s`; `0s` does not wait.
    #[param(default = "30s")]
    wait: Option<String>,
    /// How many events at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<usize>,
}

/// What a poll asks for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    start: Start,
    wait: Duration,
    limit: usize,
}

impl Asked {
    fn of(query: &Parameters, now: DateTime<Utc>) -> Result<Self, Problem> {
        let after = query.after.as_deref();
        let (since, from) = (query.since.as_deref(), query.from.as_deref());
        let start = Start::of_query("the parameter after", after, since, from, now)?;
        let wait = match &query.wait {
            Some(wait) => humantime::parse_duration(wait).ok(),
            None => Some(USUAL_WAIT),
        };
        let wait = wait.filter(|wait| *wait <= LONGEST_WAIT).ok_or_else(|| {
            Problem::malformed("the parameter wait is no duration from 0s to 60s, like 30s")
        })?;
        let limit = query.limit.unwrap_or(USUAL_EVENTS);
        if !(1..=MOST_EVENTS).contains(&limit) {
            return Err(Problem::malformed(format!(
                "the parameter limit is not from 1 to {MOST_EVENTS}"
            )));
        }
        Ok(Self { start, wait, limit })
    }
}

/// What a person is told after a position, at once or as soon as there is something, for places that event streams do not
/// get through.
///
/// The answer's `cursor` is the `after` of the next poll. A poll that waits counts as a stream.
#[utoipa::path(
    get, path = "/v1/events", operation_id = "pollEvents", params(Parameters),
    responses(
        (status = 200, description = "What there is; perhaps nothing", body = EventPage),
        (status = 400, description = "A parameter is malformed",
            body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No token that is good",
            body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "This person or address has too many streams",
            body = Problem, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds"))),
        (status = 503, description = "It cannot be answered now",
            body = Problem, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds"))),
    )
)]
pub(crate) async fn answer(
    State(edge): State<Edge>,
    identity: Result<Identity, Problem>,
    client: Client,
    query: Result<Query<Parameters>, QueryRejection>,
) -> Response {
    let mut response = match page(&edge, identity, &client, query).await {
        Ok(page) => Json(page).into_response(),
        Err(Denied::Refused(problem)) => problem.into_response(),
        Err(Denied::Later(later)) => come_back(&edge.shared, later),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn page(
    edge: &Edge,
    identity: Result<Identity, Problem>,
    client: &Client,
    query: Result<Query<Parameters>, QueryRejection>,
) -> Result<EventPage, Denied> {
    let shared = &edge.shared;
    let identity = identity.map_err(Denied::unidentified)?;
    let Query(parameters) = query.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
    let asked = Asked::of(&parameters, Utc::now())?;
    let seat = edge.enter(identity.user, client.address)?;
    let opened = opening::open(shared, seat, asked.start, Kind::Poll).await?;
    Ok(Gathering::new(opened, asked.limit).page(asked.wait).await?)
}

/// Unlike a browser's event stream, whoever polls can be told with a status.
fn come_back(shared: &Shared, later: Later) -> Response {
    tracing::debug!(%later, "a poll is to come back later");
    shared.metrics.refused(later);
    let (status, kind, title) = match later {
        Later::Full(Full::User | Full::Address) => (
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-streams",
            "Too many streams are open",
        ),
        Later::Full(Full::Edge) | Later::Starting | Later::Draining | Later::Keys | Later::Nats => (
            StatusCode::SERVICE_UNAVAILABLE,
            "not-now",
            "This cannot be answered now",
        ),
    };
    // Whole seconds, and never none.
    let seconds = shared.retry_after(later).as_secs() + 1;
    let problem = Problem::new(status, kind, title, later.to_string());
    ([(header::RETRY_AFTER, HeaderValue::from(seconds))], problem).into_response()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(query: &str) -> Result<Asked, Problem> {
        let uri = format!("/v1/events?{query}").parse().unwrap();
        let Query(parameters) = Query::try_from_uri(&uri).unwrap();
        Asked::of(&parameters, DateTime::from_timestamp(1_800_000_000, 0).unwrap())
    }

    #[test]
    fn what_is_not_said_is_as_documented() {
        let usual = Asked {
            start: Start::Now,
            wait: Duration::from_secs(30),
            limit: 100,
        };
        assert_eq!(asked("").unwrap(), usual);
        assert_eq!(asked("after=&other=1").unwrap(), usual);
        let all = asked("after=abc.2&since=1h&from=earliest&wait=1m&limit=1000").unwrap();
        assert_eq!(all.start, Start::After("abc.2".parse().unwrap()));
        assert_eq!((all.wait, all.limit), (LONGEST_WAIT, MOST_EVENTS));
        assert_eq!(asked("wait=0s").unwrap().wait, Duration::ZERO);
    }

    #[test]
    fn what_is_malformed_is_refused_with_its_place() {
        for (query, place) in [
            ("after=abc", "after"),
            ("since=soon", "since"),
            ("from=now", "from"),
            ("wait=soon", "wait"),
            ("wait=61s", "wait"),
            ("wait=-1s", "wait"),
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
        ] {
            let problem = asked(query).unwrap_err();
            assert_eq!(problem.status, 400);
            assert!(problem.detail.contains(place), "{}", problem.detail);
        }
    }

    proptest! {
        /// Nor does anybody wait for longer than may be.
        #[test]
        fn nothing_that_a_client_sends_is_a_panic(after in ".*", since in ".*", wait in "[0-9]{0,20}[a-z]{0,3}") {
            let parameters = Parameters { wait: Some(wait), ..Parameters::default() };
            if let Ok(asked) = Asked::of(&parameters, Utc::now()) {
                prop_assert!(asked.wait <= LONGEST_WAIT);
            }
            let _ = Asked::of(&Parameters { after: Some(after), ..parameters.clone() }, Utc::now());
            let _ = Asked::of(&Parameters { since: Some(since), ..parameters }, Utc::now());
        }
    }
}
