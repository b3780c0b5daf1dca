use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::StatusCode;
use serde_json::json;
use store::Store;
use store::job_runs::{Claim, Lease};
use tempfile::TempDir;

use rustix::process::Signal;
use serde_json::Value;
use test_support::lastcall::eventually;

use crate::{dev, import_coupons, lastcall};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_somebody_is_at_is_refused_with_who_has_it_and_until_when() {
    let folder = TempDir::new().unwrap();
    let (dev, operator) = dev(&lastcall(), &folder).await;
    let url = dev.endpoint("database").to_owned();
    let tables = store::Settings {
        url,
        ..store::Settings::default()
    };
    let store = Store::connect(&tables).await.unwrap();
    let at: DateTime<Utc> = "2026-11-21T09:00:00Z".parse().unwrap();
    let lease = Lease {
        owner: "elsewhere/7/0a0b0c0d/alert-due".to_owned(),
        duration: Duration::from_secs(600),
    };
    let window = |scheduled_at: DateTime<Utc>, _| scheduled_at;
    let claim = store.claim_run("alert-due", at, &lease, &window).await.unwrap();
    assert!(matches!(claim, Claim::Claimed(_)));

    let request = json!({ "scheduled_at": at });
    let (status, problem) = operator.post_json("/v1/jobs/alert-due/runs", &request).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    assert_eq!(problem["type"], "urn:lastcall:problem:run-owned");
    assert_eq!(problem["owner"], lease.owner);
    let until: DateTime<Utc> = problem["until"].as_str().unwrap().parse().unwrap();
    assert!(until > Utc::now() + TimeDelta::minutes(5), "{problem}");

    let by_hand = ["jobs", "run", "alert-due", "--at=2026-11-21T09:00:00Z"];
    let ended = dev.lastcall.run(by_hand).await;
    assert_eq!(ended.status.code(), Some(1));
    for part in ["was not begun", &lease.owner, &until.format("%H:%M").to_string()] {
        assert!(ended.stderr.contains(part), "{part:?} in {}", ended.stderr);
    }

    let run = operator
        .found("/v1/jobs/alert-due/runs/2026-11-21T09:00:00Z")
        .await;
    assert_eq!(run["state"], "running");
    assert_eq!(run["owner"], lease.owner);
    assert_eq!(run["progress"]["rows_per_second"], 0.0);
    assert_eq!(
        run["attempts"].as_array().unwrap().len(),
        1,
        "refusals are no attempts"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_begun_over_http_shows_how_fast_it_goes_and_is_given_back_when_its_process_ends() {
    let folder = TempDir::new().unwrap();
    // So slow that it cannot be done before it is looked at.
    let lastcall = lastcall().with(["--set=scheduler.chunk_rows=2"]);
    let (mut dev, operator) = dev(&lastcall, &folder).await;
    import_coupons(&dev.lastcall, folder.path(), 4_000).await;
    let (status, begun) = operator.post("/v1/jobs/coupon-expiring/runs").await;
    assert_eq!(status, StatusCode::ACCEPTED, "{begun}");
    let at = begun["scheduled_at"].as_str().unwrap();
    let path = format!("/v1/jobs/coupon-expiring/runs/{at}");
    let under_way = eventually("it has come somewhere", || async {
        let run = operator.found(&path).await;
        (run["counts"]["read"].as_u64()? > 0 && run["total"].is_u64()).then_some(run)
    })
    .await;
    assert_eq!(under_way["state"], "running", "{under_way}");
    assert_eq!(under_way["total"], 4_000);
    let progress = &under_way["progress"];
    assert!(progress["rows_per_second"].as_f64().unwrap() > 0.0, "{progress}");
    let end: DateTime<Utc> = progress["estimated_end"].as_str().unwrap().parse().unwrap();
    assert!(end > Utc::now() - TimeDelta::seconds(5), "{progress}");
    assert_eq!(
        operator
            .metric("lastcall_scheduler_running{job=\"coupon-expiring\"}")
            .await,
        1.0
    );

    assert!(dev.process.stop(Signal::TERM).await.success());
    let (dev, operator) = crate::dev(&lastcall.with(["--set=scheduler.chunk_rows=1000"]), &folder).await;
    // The schedulers look after runs that were left, so this one may have gone on with it already.
    let run = eventually("it is done", || async {
        let run = operator.found(&path).await;
        (run["state"] == "succeeded").then_some(run)
    })
    .await;
    assert_eq!(run["attempts"][0]["state"], "abandoned", "{run}");
    assert_eq!(
        run["counts"]["read"], 4_000,
        "nothing twice, nothing left out: {run}"
    );
    assert_eq!(run["progress"], Value::Null);
    drop(dev);
}
