use chrono::{TimeDelta, Utc};
use domain::catalogue::{Coupon, Funding, FundingStatus};
use reqwest::StatusCode;
use serde_json::{Value, json};
use store::Store;
use tempfile::TempDir;
use test_support::lastcall::last_line_json;

use crate::{dev, import_coupons, lastcall};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_asked_for_over_http_goes_on_in_the_background_and_its_repeat_emits_nothing() {
    let folder = TempDir::new().unwrap();
    let (dev, operator) = dev(&lastcall(), &folder).await;
    import_coupons(&dev.lastcall, folder.path(), 40).await;

    let first = operator.run("coupon-expiring", &json!({})).await;
    assert_eq!(first["state"], "succeeded", "{first}");
    assert_eq!(first["origin"], "request");
    assert_eq!(
        first["counts"],
        json!({ "read": 40, "emitted": 40, "already_emitted": 0, "skipped": 0 })
    );
    assert!(first["took_seconds"].as_f64().unwrap() > 0.0, "{first}");
    assert_eq!(first["failed_rows"], json!([]));

    let at = first["scheduled_at"].as_str().unwrap();
    let second = operator
        .run("coupon-expiring", &json!({ "scheduled_at": at }))
        .await;
    assert_eq!(second["attempts"].as_array().unwrap().len(), 2, "{second}");
    assert_eq!(second["counts"]["already_emitted"], 40, "{second}");

    let shown = dev
        .lastcall
        .json(["jobs", "show", "coupon-expiring", at, "--json"])
        .await;
    assert_eq!(shown, second);
    let text = dev
        .lastcall
        .succeed(["jobs", "show", "coupon-expiring", at])
        .await;
    for part in [
        "succeeded",
        "run by hand",
        "40 already emitted",
        "attempt 1",
        "attempt 2",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }

    let job = operator.found("/v1/jobs/coupon-expiring").await;
    assert_eq!(job["last_run"]["scheduled_at"], at);
    assert_eq!(job["last_run"]["state"], "succeeded");
}

/// A coupon of a funding whose title fits in no event.
async fn poison(store: &Store, coupon: &str) {
    let funding = Funding {
        id: "poison".to_owned(),
        title: "x".repeat(20_000),
        goal: domain::money::Money::from_major("1", "USD".parse().unwrap()).unwrap(),
        raised: None,
        closes_at: Utc::now() + TimeDelta::days(30),
        status: Some(FundingStatus::Open),
        maker_id: None,
    };
    store.upsert_fundings(&[funding]).await.unwrap();
    let mut coupons = store_coupon(coupon);
    coupons.funding_id = Some("poison".to_owned());
    store.upsert_coupons(&[coupons]).await.unwrap();
}

fn store_coupon(id: &str) -> Coupon {
    Coupon {
        id: id.to_owned(),
        user_id: "anna".parse().unwrap(),
        funding_id: None,
        expires_at: Utc::now() + TimeDelta::hours(3),
        status: None,
        amount: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_were_left_out_are_shown_with_their_reasons_page_by_page() {
    let folder = TempDir::new().unwrap();
    let (dev, operator) = dev(&lastcall(), &folder).await;
    let url = dev.endpoint("database").to_owned();
    let tables = store::Settings {
        url,
        ..store::Settings::default()
    };
    let store = Store::connect(&tables).await.unwrap();
    for coupon in ["c1", "c2", "c3"] {
        poison(&store, coupon).await;
    }
    let at = Utc::now().to_rfc3339();
    let run = ["jobs", "run", "coupon-expiring", "--json", "--at", &at];
    let ended = dev.lastcall.run(run).await;
    assert_eq!(ended.status.code(), Some(3), "{ended:?}");
    assert_eq!(last_line_json(&ended.stdout)["skipped"], 3);

    let path = format!(
        "/v1/jobs/coupon-expiring/runs/{}?rows=2",
        dev.lastcall
            .json(["jobs", "history", "coupon-expiring", "--json"])
            .await["scheduled_at"]
            .as_str()
            .unwrap()
    );
    let first = operator.found(&path).await;
    let last = first["next_rows"].as_str().unwrap();
    let second = operator
        .found(&format!("{path}&rows_after={}", last.replace(' ', "%20")))
        .await;
    assert_eq!(second["next_rows"], Value::Null, "{second}");
    let mut rows = Vec::new();
    for page in [&first, &second] {
        rows.extend(page["failed_rows"].as_array().unwrap().clone());
    }
    assert_eq!(rows.len(), 3);
    for (row, coupon) in rows.iter().zip(["c1", "c2", "c3"]) {
        assert!(row["row"].as_str().unwrap().ends_with(coupon), "{row}");
        assert!(row["reason"].as_str().unwrap().contains("bytes"), "{row}");
    }

    let text = dev
        .lastcall
        .succeed(["jobs", "show", "coupon-expiring", &at, "--rows=2"])
        .await;
    assert!(
        text.contains("c1: ") && text.contains("c2: ") && !text.contains("c3: "),
        "{text}"
    );
    assert!(text.contains("--rows"), "it says how to see the others: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_not_there_is_said_so_on_both_sides() {
    let folder = TempDir::new().unwrap();
    let (dev, operator) = dev(&lastcall(), &folder).await;
    let (status, problem) = operator.get("/v1/jobs/alert-due/runs/2020-01-01T00:00:00Z").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(problem["type"], "urn:lastcall:problem:unknown-run");
    let shown = dev
        .lastcall
        .run(["jobs", "show", "alert-due", "2020-01-01"])
        .await;
    assert_eq!(shown.status.code(), Some(1));
    assert!(
        shown.stderr.contains("no run for 2020-01-01T00:00:00"),
        "{}",
        shown.stderr
    );
}
