use std::path::Path;

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use store::Store;
use tempfile::TempDir;
use test_support::csv_file;
use test_support::lastcall::{Lastcall, eventually};
use test_support::nats::NatsServer;

use crate::{dev, import_coupons, lastcall};

/// What the jobs call for in the first test.
const EVENTS: [(&str, u64); 2] = [("coupon-expiring", 30), ("funding-settlement", 3)];

/// What the log holds and has ever held.
async fn log(nats: &NatsServer) -> Value {
    let answer = nats.request("$JS.API.STREAM.INFO.EVENTS", b"").await;
    serde_json::from_str::<Value>(&answer).unwrap()["state"].clone()
}

/// Every byte of the tables.
async fn tables(file: &Path) -> Vec<u8> {
    let settings = store::Settings {
        url: format!("sqlite:{}", file.display()),
        ..store::Settings::default()
    };
    // A command that ends leaves what it wrote beside the file. Whoever is the last to close it moves that into it.
    drop(Store::connect(&settings).await.unwrap());
    let beside = file.with_extension("db-wal");
    eventually("the file is closed", || async {
        (!beside.exists()).then_some(())
    })
    .await;
    std::fs::read(file).unwrap()
}

async fn import_a_funding_past_its_deadline(lastcall: &Lastcall, folder: &Path) {
    let import = async |kind: &str, columns: &[&str], row: &[&str]| {
        let file = folder.join(format!("{kind}.csv"));
        csv_file::write(
            &file,
            columns,
            [row.iter().map(|&field| field.to_owned()).collect()],
        );
        let import = ["import", kind, file.to_str().unwrap(), "--json"];
        assert_eq!(lastcall.json(import).await["accepted"], 1, "{kind}");
    };
    let closed = (Utc::now() - TimeDelta::hours(1)).to_rfc3339();
    let columns = ["id", "title", "goal", "currency", "closes_at", "maker_id"];
    import(
        "fundings",
        &columns,
        &["f1", "A lamp", "10", "USD", &closed, "mina"],
    )
    .await;
    let columns = ["funding_id", "user_id", "amount", "currency"];
    import("pledges", &columns, &["f1", "anna", "12", "USD"]).await;
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
    import_a_funding_past_its_deadline(&lastcall, folder.path()).await;
    // The first command that needs the log makes its stream.
    lastcall.json(["jobs", "run", "alert-due", "--json"]).await;
    let (tables_before, log_before) = (tables(&file).await, log(&nats).await);

    // The settlement's: the backer and the maker are told, and the backer is issued a coupon.
    for (job, events) in EVENTS {
        let found = lastcall.json(["jobs", "run", job, "--dry-run", "--json"]).await;
        assert_eq!(found["events"], events, "{job}: {found}");
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

    assert!(
        tables(&file).await == tables_before,
        "the tables are as they were"
    );
    assert_eq!(log(&nats).await, log_before);
    for (job, events) in EVENTS {
        let real = lastcall.json(["jobs", "run", job, "--json"]).await;
        assert_eq!(real["emitted"], events, "{job} emitted nothing before");
    }
    assert!(tables(&file).await != tables_before, "a run is recorded");
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
