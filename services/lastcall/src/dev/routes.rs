//! The page of `lastcall dev` and what it needs besides inbox and edge. Anybody who reaches it may be anybody: it belongs on
//! the loopback address.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, TimeDelta, Utc};
use proto_schemas::UserId;
use scheduler::{Counts, Engine, Job};
use serde::{Deserialize, Serialize};
use service_kit::auth::{COOKIE_NAME, TokenIssuer};
use service_kit::problem::Problem;
use store::Store;

const USERS_SHOWN: u64 = 200;

/// The page asks for another for each thing that it does as an operator.
const OPERATOR_SESSION: TimeDelta = TimeDelta::minutes(1);
const OPERATOR: &str = "operator";
const OPERATOR_SCOPE: &str = "announcements:write";

/// Nothing but the page's own files, and nothing inside another page.
const POLICY: &str = "default-src 'self'; frame-ancestors 'none'";

#[derive(Clone)]
struct Page {
    store: Store,
    engine: Engine,
    tokens: Arc<TokenIssuer>,
    session: TimeDelta,
}

/// The page and its routes below `/dev`. Signing in is good for `session`.
pub(super) fn router(store: Store, engine: Engine, tokens: TokenIssuer, session: TimeDelta) -> Router {
    let page = Page {
        store,
        engine,
        tokens: Arc::new(tokens),
        session,
    };
    Router::new()
        .route(
            "/",
            get(async || file("text/html; charset=utf-8", include_str!("page/index.html"))),
        )
        .route(
            "/dev/page.js",
            get(async || file("text/javascript; charset=utf-8", include_str!("page/page.js"))),
        )
        .route(
            "/dev/page.css",
            get(async || file("text/css; charset=utf-8", include_str!("page/page.css"))),
        )
        .route(
            "/dev/icon.svg",
            get(async || file("image/svg+xml", include_str!("page/icon.svg"))),
        )
        .route("/dev/users", get(users))
        .route("/dev/session", post(open_session))
        .route("/dev/operator", post(become_operator))
        .route("/dev/jobs", get(jobs))
        .route("/dev/jobs/{name}/run", post(run_job))
        .with_state(page)
}

fn file(content_type: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, text).into_response()
}

#[derive(Serialize)]
struct DemoUser {
    id: String,
    locale: Option<String>,
    time_zone: Option<String>,
}

async fn users(State(page): State<Page>) -> Result<Json<Vec<DemoUser>>, Problem> {
    let users = page
        .store
        .list_users(USERS_SHOWN)
        .await
        .map_err(|error| Problem::internal(&error))?;
    let shown = |user: store::counting::UserRecord| DemoUser {
        id: user.id,
        locale: user.locale,
        time_zone: user.time_zone,
    };
    Ok(Json(users.into_iter().map(shown).collect()))
}

#[derive(Deserialize)]
struct SessionRequest {
    user: UserId,
}

/// Signs in as anybody: a cookie, because the browser's own `EventSource` can send nothing else.
async fn open_session(
    State(page): State<Page>,
    Json(request): Json<SessionRequest>,
) -> Result<Response, Problem> {
    let token = page
        .tokens
        .issue(&request.user, page.session)
        .map_err(|error| Problem::internal(&error))?;
    let cookie = format!("{COOKIE_NAME}={token}; Path=/; HttpOnly; SameSite=Strict");
    let cookie = HeaderValue::from_str(&cookie).map_err(|error| Problem::internal(&error))?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

#[derive(Serialize)]
struct OperatorToken {
    token: String,
}

/// What an operator would bring along: a token that lets the page post announcements.
async fn become_operator(State(page): State<Page>) -> Result<Json<OperatorToken>, Problem> {
    let operator = UserId::new(OPERATOR).map_err(|error| Problem::internal(&error))?;
    let token = page
        .tokens
        .issue_with_scope(&operator, OPERATOR_SESSION, Some(OPERATOR_SCOPE))
        .map_err(|error| Problem::internal(&error))?;
    Ok(Json(OperatorToken { token }))
}

#[derive(Serialize)]
struct ScheduledJob {
    name: &'static str,
    cron: String,
    zone: String,
    next: Option<DateTime<Utc>>,
}

async fn jobs(State(page): State<Page>) -> Json<Vec<ScheduledJob>> {
    let shown = page.engine.plans().iter().map(|(job, plan)| ScheduledJob {
        name: job.as_str(),
        cron: plan.schedule.cron().to_owned(),
        zone: plan.schedule.zone().to_string(),
        next: plan.schedule.next_after(Utc::now()),
    });
    Json(shown.collect())
}

async fn run_job(State(page): State<Page>, Path(name): Path<String>) -> Result<Json<Counts>, Problem> {
    let job: Job = name.parse().map_err(|error: scheduler::UnknownJob| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "unknown-job",
            "There is no such job",
            error.to_string(),
        )
    })?;
    // Its own task: a page that is closed must not cut the run off.
    let run = tokio::spawn(async move { page.engine.run(job, Utc::now(), |_| ()).await });
    let counts = run.await.map_err(|error| Problem::internal(&error))?;
    counts.map(Json).map_err(|error| Problem::internal(&error))
}
