use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::nats::NatsServer;

use crate::{dev, import_coupons, lastcall};

/// What the log holds and has ever held.
async fn log(nats: &NatsServer) -> Value {
    let answer = nats.request("$JS.API.STREAM.INFO.EVENTS", b"").await;
    serde_json::from_str::<Value>(&answer).unwrap()["state"].clone()
}

/// Every byte of the tables. Nobody has them open, so that there is nothing beside the file.
fn tables(file: &Path) -> Vec<u8> {
    assert!(!file.with_extension("db-wal").exists(), "somebody has it open");
    std::fs::read(file).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_what_a_run_would_do_and_leaves_log_and_tables_as_they_are() {
    let (nats, folder) = (NatsServer::start().await, TempDir::new().unwrap());
    let file = folder.path().join("tables.db");
    let lastcall = lastcall().with([
        format!("--nats={}", nats.url()),
        format!("--database=sqlite:{}", file.display()),
    ]);
    lastcall.succeed(["migrate"]).await;
    import_coupons(&lastcall, folder.path(), 30).await;
    // The first command that needs the log makes its stream.
    lastcall.json(["jobs", "run", "alert-due", "--json"]).await;
    let (tables_before, log_before) = (tables(&file), log(&nats).await);

    for job in [
        "coupon-expiring",
        "funding-closing",
        "funding-settlement",
        "alert-due",
    ] {
        let found = lastcall.json(["jobs", "run", job, "--dry-run", "--json"]).await;
        let expected = if job == "coupon-expiring" { 30 } else { 0 };
        assert_eq!(found["events"], expected, "{job}: {found}");
    }
    let dry_run = ["jobs", "run", "coupon-expiring", "--dry-run", "--samples=2"];
    let text = lastcall.succeed(dry_run).await;
    assert!(
        text.starts_with("dry run: 30 rows read that call for 30 events"),
        "{text}"
    );
    let samples: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("evt.user."))
        .collect();
    assert_eq!(samples.len(), 2, "{text}");
    let event: Value = serde_json::from_str(samples[0].split_once(' ').unwrap().1).unwrap();
    assert_eq!(event["type"], "lastcall.coupon.expiring.v1");

    assert!(tables(&file) == tables_before, "the tables are as they were");
    assert_eq!(log(&nats).await, log_before);
    let real = lastcall.json(["jobs", "run", "coupon-expiring", "--json"]).await;
    assert_eq!(real["emitted"], 30, "nothing was emitted before");
    assert!(tables(&file) != tables_before, "a run is recorded");
    assert_ne!(log(&nats).await, log_before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_over_http_is_answered_with_samples_and_leaves_no_run() {
    let folder = TempDir::new().unwrap();
    let (dev, operator) = dev(&lastcall(), &folder).await;
    import_coupons(&dev.lastcall, folder.path(), 30).await;
    let runs = "/v1/jobs/coupon-expiring/runs";
    let (status, found) = operator
        .post_json(runs, &json!({ "dry_run": true, "samples": 4 }))
        .await;
    assert_eq!(status, 200, "{found}");
    assert_eq!((&found["read"], &found["events"]), (&30.into(), &30.into()));
    assert_eq!(found["samples"].as_array().unwrap().len(), 4);
    assert!(
        found["samples"][0]["subject"]
            .as_str()
            .unwrap()
            .starts_with("evt.user.")
    );
    let history = operator.found("/v1/jobs/coupon-expiring/history").await;
    assert_eq!(history["entries"], json!([]));
    let emitted = "lastcall_scheduler_events_emitted_total{job=\"coupon-expiring\"}";
    assert_eq!(operator.metric(emitted).await, 0.0);
}
