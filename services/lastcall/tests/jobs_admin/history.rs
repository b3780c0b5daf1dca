use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tempfile::TempDir;
use test_support::lastcall::eventually;

use crate::{dev, lastcall};

fn instant(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

/// First and last instant of an entry.
fn range(entry: &Value) -> (DateTime<Utc>, DateTime<Utc>) {
    match entry["kind"].as_str().unwrap() {
        "run" => (instant(&entry["scheduled_at"]), instant(&entry["scheduled_at"])),
        "skipped" => (instant(&entry["first"]), instant(&entry["last"])),
        other => panic!("{other}"),
    }
}

/// A job of every second that is paused for longer than instants count as on time.
#[tokio::test(flavor = "multi_thread")]
async fn the_history_has_the_instants_of_a_pause_as_skipped_and_no_hole_also_page_by_page() {
    let folder = TempDir::new().unwrap();
    let lastcall = lastcall().with([
        "--set=scheduler.alert_due.schedule.cron=* * * * * *",
        "--set=scheduler.alert_due.schedule.misfire=skip",
        "--set=scheduler.on_time=5s",
    ]);
    let (dev, operator) = dev(&lastcall, &folder).await;
    let (_, paused) = operator.post("/v1/jobs/alert-due/pause").await;
    let since = instant(&paused["paused_since"]);
    eventually("the pause is long enough", || async {
        (Utc::now() - since > TimeDelta::seconds(8)).then_some(())
    })
    .await;
    dev.lastcall.succeed(["jobs", "resume", "alert-due"]).await;
    eventually("a run after the pause", || async {
        let job = operator.found("/v1/jobs/alert-due").await;
        let last_run = job.get("last_run")?;
        (instant(&last_run["scheduled_at"]) > since + TimeDelta::seconds(8)).then_some(())
    })
    .await;
    dev.lastcall.succeed(["jobs", "pause", "alert-due"]).await;
    eventually("a run that has begun ends, and no other begins", || async {
        let page = operator.found("/v1/jobs/alert-due/history?limit=200").await;
        let entries = page["entries"].as_array().unwrap();
        entries
            .iter()
            .all(|entry| entry["state"] != "running")
            .then_some(())
    })
    .await;

    let mut entries: Vec<Value> = Vec::new();
    let mut page = operator.found("/v1/jobs/alert-due/history?limit=2").await;
    loop {
        let found = page["entries"].as_array().unwrap();
        assert!(!found.is_empty(), "no page is empty: {entries:?}");
        entries.extend(found.clone());
        let Some(next) = page["next"].as_str() else { break };
        page = operator
            .found(&format!("/v1/jobs/alert-due/history?limit=2&before={next}"))
            .await;
    }
    for pair in entries.windows(2) {
        let (later, earlier) = (range(&pair[0]), range(&pair[1]));
        assert_eq!(
            later.0 - earlier.1,
            TimeDelta::seconds(1),
            "a hole or a double: {pair:?}"
        );
    }
    let skipped: Vec<_> = entries
        .iter()
        .filter(|entry| entry["kind"] == "skipped")
        .collect();
    let of_pause = skipped.iter().find(|entry| entry["paused"] == true).unwrap();
    assert_eq!(of_pause["reason"], "policy");
    assert!(
        of_pause["text"].as_str().unwrap().contains("while paused"),
        "{of_pause}"
    );
    let (first, last) = range(of_pause);
    assert_eq!(of_pause["instants"], (last - first).num_seconds() + 1);

    let lines = dev
        .lastcall
        .succeed(["jobs", "history", "alert-due", "--json", "--limit=1000"])
        .await;
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(lines == entries, "the command line shows the same");
    let text = dev
        .lastcall
        .succeed(["jobs", "history", "alert-due", "--limit=3"])
        .await;
    assert_eq!(text.lines().count(), 4, "three and where to go on: {text}");
    let (_, before) = text.lines().last().unwrap().rsplit_once(' ').unwrap();
    let earlier = dev
        .lastcall
        .succeed([
            "jobs",
            "history",
            "alert-due",
            "--limit=1",
            "--json",
            "--before",
            before,
        ])
        .await;
    assert_eq!(earlier.lines().count(), 1);
    let text = dev
        .lastcall
        .succeed(["jobs", "history", "alert-due", "--limit=1000"])
        .await;
    assert_eq!(text.lines().count(), entries.len(), "{text}");
    assert!(
        text.contains("succeeded  began ") && text.contains("while paused"),
        "{text}"
    );
}
