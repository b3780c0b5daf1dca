use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use service_kit::problem::Problem;
use store::StoreError;
use utoipa::{IntoParams, ToSchema};

use super::extract::{Asked, Body, Named, NamedRun, unknown};
use super::history::HistoryPage;
use super::instant::parse_instant;
use super::job::JobSummary;
use super::requests::Refused;
use super::routes::Admin;
use super::run::RunDetail;
use crate::dry_run::DryRun;
use crate::jobs::Job;
use crate::run::RunError;

const MAX_ENTRIES: u64 = 200;
const DEFAULT_ENTRIES: u64 = 50;
const MAX_ROWS: u64 = 1_000;
const DEFAULT_ROWS: u64 = 100;
const MAX_SAMPLES: u64 = 100;
const DEFAULT_SAMPLES: u64 = 10;

/// Which part of the history.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryQuery {
    /// How many entries.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u64>,
    /// The `next` of the page before, or any instant; without, the latest.
    #[param(example = "2026-11-21T09:00:00Z")]
    before: Option<String>,
}

/// Which of the rows that a run left out.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct RowsQuery {
    /// How many rows.
    #[param(minimum = 0, maximum = 1000, default = 100)]
    rows: Option<u64>,
    /// The `next_rows` of the page before; without, the first.
    rows_after: Option<String>,
}

/// What is to be run.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunRequest {
    /// For which instant; now unless given.
    #[schema(example = "2026-11-21T09:00:00Z")]
    scheduled_at: Option<String>,
    /// Emit and change nothing; show what a run would do.
    #[serde(default)]
    dry_run: bool,
    /// How many events a dry run shows.
    #[schema(minimum = 0, maximum = 100, default = 10)]
    samples: Option<u64>,
}

/// A run that has begun.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Begun {
    /// Of which job.
    job: &'static str,
    /// For which instant.
    scheduled_at: DateTime<Utc>,
    /// Which try at it this is.
    attempt: u32,
}

/// Every job, when it runs and how it went last.
#[utoipa::path(
    get, path = "/v1/jobs", operation_id = "listJobs",
    responses(
        (status = 200, body = Vec<JobSummary>),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(State(admin): State<Admin>) -> Result<Json<Vec<JobSummary>>, Problem> {
    answered(admin.administration.jobs().await).map(Json)
}

/// One job, when it runs and how it went last.
#[utoipa::path(
    get, path = "/v1/jobs/{job}", operation_id = "getJob", params(("job" = String, Path)),
    responses(
        (status = 200, body = JobSummary),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(State(admin): State<Admin>, Named(job): Named) -> Result<Json<JobSummary>, Problem> {
    summary(&admin, job).await
}

/// What became of the job's scheduled instants, the latest first: runs with their attempts, and what had no run and why.
#[utoipa::path(
    get, path = "/v1/jobs/{job}/history", operation_id = "getJobHistory",
    params(("job" = String, Path), HistoryQuery),
    responses(
        (status = 200, body = HistoryPage),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn history(
    State(admin): State<Admin>,
    Named(job): Named,
    Asked(query): Asked<HistoryQuery>,
) -> Result<Json<HistoryPage>, Problem> {
    let limit = bounded("limit", query.limit, DEFAULT_ENTRIES, 1..=MAX_ENTRIES)?;
    let before = query.before.as_deref().map(instant).transpose()?;
    let page = admin.administration.history(job, before, limit).await;
    answered(page).map(Json)
}

/// One run: its attempts, how far it has come, when it will be done, and the rows that it left out.
#[utoipa::path(
    get, path = "/v1/jobs/{job}/runs/{instant}", operation_id = "getJobRun",
    params(("job" = String, Path), ("instant" = DateTime<Utc>, Path), RowsQuery),
    responses(
        (status = 200, body = RunDetail),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn run(
    State(admin): State<Admin>,
    NamedRun(job, scheduled_at): NamedRun,
    Asked(query): Asked<RowsQuery>,
) -> Result<Json<RunDetail>, Problem> {
    let scheduled_at = instant(&scheduled_at)?;
    let rows = bounded("rows", query.rows, DEFAULT_ROWS, 0..=MAX_ROWS)?;
    let after = query.rows_after.as_deref();
    let run = admin.administration.run(job, scheduled_at, after, rows).await;
    let no_run = || {
        Problem::new(
            StatusCode::NOT_FOUND,
            "unknown-run",
            "There is no such run",
            format!(
                "{job} has no run for {}; its history has those that it has",
                text(scheduled_at)
            ),
        )
    };
    answered(run)?.map(Json).ok_or_else(no_run)
}

/// Runs the job, now or for an instant, whatever its schedule says. Events that the log has are not emitted again.
///
/// The run goes on in the background. One that has not succeeded goes on where it stopped; one that has is done again
/// from its beginning. A dry run is answered when it is done.
#[utoipa::path(
    post, path = "/v1/jobs/{job}/runs", operation_id = "runJob",
    params(("job" = String, Path)), request_body = RunRequest,
    responses(
        (status = 200, body = DryRun, description = "What a run would do."),
        (status = 202, body = Begun, headers(("location" = String, description = "Where to watch it."))),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json",
            description = "Somebody is at that run: `owner` says who, `until` how long at least."),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn begin(
    State(admin): State<Admin>,
    Named(job): Named,
    Body(request): Body<RunRequest>,
) -> Result<Response, Problem> {
    let given = request.scheduled_at.as_deref().map(instant).transpose()?;
    let samples = bounded("samples", request.samples, DEFAULT_SAMPLES, 0..=MAX_SAMPLES)?;
    // What the tables keep, so that the answer names the run.
    let scheduled_at = given.unwrap_or_else(|| chrono::SubsecRound::trunc_subsecs(Utc::now(), 6));
    if request.dry_run {
        let _room = admin.requests.room()?;
        let samples = usize::try_from(samples).unwrap_or(usize::MAX);
        let dry_run = admin.engine.dry_run(job, scheduled_at, samples).await;
        return Ok(Json(answered(dry_run)?).into_response());
    }
    let attempt = admin
        .requests
        .begin(&admin.engine, job, scheduled_at)
        .await
        .map_err(refused)?;
    let location = format!("/v1/jobs/{job}/runs/{}", text(scheduled_at));
    let location = HeaderValue::from_str(&location).map_err(|error| Problem::internal(&error))?;
    let begun = Begun {
        job: job.as_str(),
        scheduled_at,
        attempt,
    };
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(begun)).into_response())
}

/// Keeps the job from beginning runs by itself, in every scheduler. A run that has begun goes on.
#[utoipa::path(
    post, path = "/v1/jobs/{job}/pause", operation_id = "pauseJob", params(("job" = String, Path)),
    responses(
        (status = 200, body = JobSummary),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn pause(
    State(admin): State<Admin>,
    Named(job): Named,
) -> Result<Json<JobSummary>, Problem> {
    answered(admin.administration.pause(job).await)?;
    summary(&admin, job).await
}

/// Lets the job begin runs again. What becomes of the instants it missed is up to its misfire policy.
#[utoipa::path(
    post, path = "/v1/jobs/{job}/resume", operation_id = "resumeJob", params(("job" = String, Path)),
    responses(
        (status = 200, body = JobSummary),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn resume(
    State(admin): State<Admin>,
    Named(job): Named,
) -> Result<Json<JobSummary>, Problem> {
    answered(admin.administration.resume(job).await)?;
    summary(&admin, job).await
}

async fn summary(admin: &Admin, job: Job) -> Result<Json<JobSummary>, Problem> {
    let summary = answered(admin.administration.job(job).await)?;
    summary
        .map(Json)
        .ok_or_else(|| unknown(&format_args!("{job} is not scheduled")))
}

fn instant(text: &str) -> Result<DateTime<Utc>, Problem> {
    parse_instant(text).map_err(|error| Problem::malformed(error.to_string()))
}

fn text(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn bounded(
    name: &str,
    given: Option<u64>,
    default: u64,
    range: std::ops::RangeInclusive<u64>,
) -> Result<u64, Problem> {
    let value = given.unwrap_or(default);
    if range.contains(&value) {
        return Ok(value);
    }
    let (least, most) = range.into_inner();
    Err(Problem::malformed(format!(
        "{name} is {value}; it goes from {least} to {most}"
    )))
}

fn refused(refused: Refused) -> Problem {
    match refused {
        Refused::Problem(problem) => problem,
        Refused::Run(RunError::Owned { owner, until }) => Problem::new(
            StatusCode::CONFLICT,
            "run-owned",
            "Somebody is at that run",
            format!("{owner} is running it and has it at least until {}", text(until)),
        )
        .with("owner", owner)
        .with("until", text(until)),
        Refused::Run(error) => Problem::internal(&error),
    }
}

fn answered<T>(answer: Result<T, StoreError>) -> Result<T, Problem> {
    answer.map_err(|error| Problem::internal(&error))
}
