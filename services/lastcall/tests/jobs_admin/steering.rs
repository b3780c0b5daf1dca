use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use serde_json::Value;
use tempfile::TempDir;
use test_support::lastcall::Dev;

use crate::{dev, lastcall};

/// The jobs as the command line shows them.
async fn listed(dev: &Dev) -> Vec<Value> {
    let lines = dev.lastcall.succeed(["jobs", "list", "--json"]).await;
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn named<'a>(jobs: &'a [Value], name: &str) -> &'a Value {
    jobs.iter().find(|job| job["name"] == name).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_listed_with_what_is_to_come_alike_over_http_and_on_the_command_line() {
    let folder = TempDir::new().unwrap();
    let lastcall = lastcall().with([
        "--set=scheduler.zone=Asia/Seoul",
        "--set=scheduler.alert_due.schedule.zone=Europe/Berlin",
        "--set=scheduler.alert_due.schedule.weekdays=quartz",
        "--set=scheduler.alert_due.schedule.cron=0 0 9 29 2 ?",
    ]);
    let (dev, operator) = dev(&lastcall, &folder).await;
    let jobs = operator.found("/v1/jobs").await;
    let names: Vec<_> = jobs.as_array().unwrap().iter().map(|job| &job["name"]).collect();
    assert_eq!(
        names,
        [
            "coupon-expiring",
            "funding-closing",
            "funding-settlement",
            "alert-due"
        ]
    );

    let alert_due = named(jobs.as_array().unwrap(), "alert-due");
    assert_eq!(alert_due["cron"], "0 0 9 29 2 ?");
    assert_eq!(alert_due["zone"], "Europe/Berlin");
    assert_eq!(alert_due["weekdays"], "quartz");
    assert_eq!(alert_due["misfire"], "run_once");
    assert_eq!(alert_due["last_run"], Value::Null);
    let next: Vec<DateTime<Utc>> = serde_json::from_value(alert_due["next"].clone()).unwrap();
    assert_eq!(next.len(), 3);
    assert!(Utc::now() < next[0] && next.is_sorted());
    for instant in next {
        let local = instant.with_timezone(&chrono_tz::Europe::Berlin);
        assert!(local.to_string().contains("-02-29 09:00:00"), "{local}");
    }
    assert_eq!(
        operator.found("/v1/jobs/alert-due").await["next"],
        alert_due["next"]
    );

    let same_settings = dev.lastcall.with(["--set=scheduler.zone=Asia/Seoul"]);
    let text = same_settings.succeed(["jobs", "list"]).await;
    assert!(
        text.contains("coupon-expiring  0 0 9 * * * (Asia/Seoul)"),
        "{text}"
    );
    assert!(text.contains("T09:00:00+09:00"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_pauses_a_job_on_one_side_finds_it_paused_on_the_other_and_twice_is_as_good_as_once() {
    let folder = TempDir::new().unwrap();
    let (dev, operator) = dev(&lastcall(), &folder).await;
    dev.lastcall.succeed(["jobs", "pause", "alert-due"]).await;
    let paused = operator.found("/v1/jobs/alert-due").await;
    let since = &paused["paused_since"];
    assert!(since.is_string(), "{paused}");
    assert_eq!(named(&listed(&dev).await, "alert-due")["paused_since"], *since);
    assert_eq!(
        named(&listed(&dev).await, "funding-closing")["paused_since"],
        Value::Null,
        "the others are not"
    );
    let text = dev.lastcall.succeed(["jobs", "list"]).await;
    assert_eq!(text.matches("paused since").count(), 1, "{text}");

    let (status, again) = operator.post("/v1/jobs/alert-due/pause").await;
    assert_eq!((status, &again["paused_since"]), (StatusCode::OK, since));

    for _ in 0..2 {
        let (status, resumed) = operator.post("/v1/jobs/alert-due/resume").await;
        assert_eq!((status, &resumed["paused_since"]), (StatusCode::OK, &Value::Null));
    }
    dev.lastcall.succeed(["jobs", "resume", "alert-due"]).await;
    assert_eq!(
        named(&listed(&dev).await, "alert-due")["paused_since"],
        Value::Null
    );
}
