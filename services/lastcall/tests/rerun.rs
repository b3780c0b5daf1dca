//! Running a job again tells nobody twice, and the log, the table and the counts agree.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

use std::collections::{HashMap, HashSet};

use chrono::{Days, Utc};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::csv_file;
use test_support::lastcall::{CLOCK_OFF, Dev, LIMIT, Lastcall, eventually};

const COUPONS_EACH: usize = 100;

/// `LASTCALL_TEST_COUPONS` makes it a larger run.
fn coupons() -> usize {
    std::env::var("LASTCALL_TEST_COUPONS").map_or(5_000, |count| count.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_emits_nothing_and_every_row_of_the_table_is_in_the_stream() {
    let folder = TempDir::new().unwrap();
    let lastcall = Lastcall::new(env!("CARGO_BIN_EXE_lastcall")).with(CLOCK_OFF);
    let dev = Dev::start(&lastcall, folder.path(), &["--seed=none", "--http=127.0.0.1:0"]).await;
    let (count, now) = (coupons(), Utc::now());
    let tomorrow = (now.date_naive() + Days::new(1)).to_string();
    let rows = (0..count).map(|i| vec![format!("c{i}"), holder(i), tomorrow.clone()]);
    let file = folder.path().join("coupons.csv");
    csv_file::write(&file, &["id", "user_id", "expires_on"], rows);
    let imported = dev
        .lastcall
        .json(["import", "coupons", file.to_str().unwrap(), "--json"])
        .await;
    assert_eq!(imported["accepted"], count);
    assert_eq!(imported["rejected"], 0);

    let at = format!("--at={}", now.to_rfc3339());
    let run = ["jobs", "run", "coupon-expiring", &at, "--json"];
    let first = dev.lastcall.json(run).await;
    assert_eq!(first, counts(count, count, 0));
    let second = dev.lastcall.json(run).await;
    assert_eq!(second, counts(count, 0, count));

    let anybody = dev.person("somebody").await;
    let everything = || async { (anybody.projected().await >= count as u64).then_some(()) };
    eventually("the table has everything", everything).await;
    assert_eq!(
        anybody.projected().await,
        count as u64,
        "the log has nothing else"
    );
    let mut told = HashSet::new();
    for first in (0..count).step_by(COUPONS_EACH) {
        let person = dev.person(&holder(first)).await;
        let rows = person.notifications().await;
        assert_eq!(
            person.unread().await,
            rows.len() as u64,
            "the count is that of the rows"
        );
        let mut stream = person.stream("?from=earliest").await;
        let events: HashMap<String, Value> = stream
            .take(rows.len(), LIMIT)
            .await
            .into_iter()
            .map(|event| (event.id, serde_json::from_str(&event.data).unwrap()))
            .collect();
        for row in rows {
            let event = &events[row["cursor"].as_str().unwrap()];
            assert_eq!(event["id"], row["id"]);
            assert_eq!(event["data"]["words"]["title"], row["title"]);
            assert!(told.insert(row["subject"].as_str().unwrap().to_owned()), "{row}");
        }
    }
    let expected: HashSet<_> = (0..count).map(|i| format!("coupon/c{i}")).collect();
    assert!(told == expected, "{} of {count} coupons", told.len());
}

fn holder(coupon: usize) -> String {
    format!("u{}", coupon / COUPONS_EACH)
}

fn counts(read: usize, emitted: usize, already_emitted: usize) -> Value {
    json!({ "read": read, "emitted": emitted, "already_emitted": already_emitted, "skipped": 0 })
}
