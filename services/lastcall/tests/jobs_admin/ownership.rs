use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::StatusCode;
use serde_json::json;
use store::Store;
use store::job_runs::{Claim, Lease};
use tempfile::TempDir;

use crate::{dev, lastcall};

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
