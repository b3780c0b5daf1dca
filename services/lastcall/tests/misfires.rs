//! A scheduler that was down over scheduled instants: what becomes of them is what the job's policy says, and the history
//! has every one of them.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

use chrono::{DateTime, TimeDelta, Utc};
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use test_support::lastcall::{CLOCK_OFF, Lastcall, Process, eventually};
use test_support::nats::NatsServer;

const JOB: &str = "coupon-expiring";

struct Deployment {
    lastcall: Lastcall,
    _nats: NatsServer,
    _folder: TempDir,
}

/// An instant, whether it has a run, and why not.
type Entry = (DateTime<Utc>, Option<String>);

impl Deployment {
    async fn start(policy: &str, grace: &str) -> Self {
        let (nats, folder) = (NatsServer::start().await, TempDir::new().unwrap());
        let lastcall = Lastcall::new(env!("CARGO_BIN_EXE_lastcall"))
            .with(CLOCK_OFF)
            .with([
                format!("--nats={}", nats.url()),
                format!("--database=sqlite:{}", folder.path().join("tables.db").display()),
                "--set=scheduler.coupon_expiring.schedule.cron=*/2 * * * * *".to_owned(),
                format!("--set=scheduler.coupon_expiring.schedule.misfire={policy}"),
                format!("--set=scheduler.coupon_expiring.schedule.grace={grace}"),
                // Less than between two instants, so that all but the last of the missed ones are late.
                "--set=scheduler.on_time=1s".to_owned(),
            ]);
        lastcall.succeed(["migrate"]).await;
        Self {
            lastcall,
            _nats: nats,
            _folder: folder,
        }
    }

    /// Every instant, the earliest first; a range of skipped ones is taken apart.
    async fn history(&self) -> Vec<Entry> {
        let lines = self
            .lastcall
            .succeed(["jobs", "history", JOB, "--json", "--limit=1000"])
            .await;
        let mut entries = Vec::new();
        for line in lines.lines() {
            let entry: Value = serde_json::from_str(line).unwrap();
            let instant = |name: &str| {
                entry[name]
                    .as_str()
                    .map(|text| text.parse::<DateTime<Utc>>().unwrap())
            };
            if let Some(at) = instant("scheduled_at") {
                entries.push((at, None));
                continue;
            }
            let reason = entry["reason"].as_str().unwrap().to_owned();
            let (mut at, last) = (instant("first").unwrap(), instant("last").unwrap());
            let mut instants = 0;
            while at <= last {
                entries.push((at, Some(reason.clone())));
                at += TimeDelta::seconds(2);
                instants += 1;
            }
            assert_eq!(entry["instants"], instants, "{entry}");
        }
        entries.sort();
        entries
    }

    async fn runs_after(&self, instant: DateTime<Utc>) -> usize {
        let history = self.history().await;
        history
            .iter()
            .filter(|(at, skipped)| *at > instant && skipped.is_none())
            .count()
    }

    /// Runs, is killed, is down over three instants and more, and runs again. What became of the instants it was down over,
    /// and of all of them.
    async fn down_over_instants(&self) -> (Vec<Entry>, Vec<Entry>) {
        let mut scheduler = self.lastcall.start(["scheduler"]);
        let start = Utc::now() - TimeDelta::days(1);
        eventually("it runs", || async {
            (self.runs_after(start).await > 1).then_some(())
        })
        .await;
        scheduler.kill().await;
        let killed = Utc::now();
        eventually("time passes", || async {
            (Utc::now() > killed + TimeDelta::seconds(9)).then_some(())
        })
        .await;
        let up = Utc::now();
        let mut scheduler: Process = self.lastcall.start(["scheduler"]);
        eventually("it runs again", || async {
            (self.runs_after(up + TimeDelta::seconds(2)).await > 1).then_some(())
        })
        .await;
        assert!(scheduler.stop(Signal::TERM).await.success());

        let all = self.history().await;
        for pair in all.windows(2) {
            assert_eq!(
                pair[1].0 - pair[0].0,
                TimeDelta::seconds(2),
                "a hole or a double: {pair:?}"
            );
        }
        let down = |(at, _): &&Entry| killed < *at && *at < up - TimeDelta::seconds(1);
        let missed: Vec<_> = all.iter().filter(down).cloned().collect();
        assert!(missed.len() >= 3, "{missed:?}");
        (missed, all)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn run_all_runs_every_missed_instant() {
    let (missed, all) = Deployment::start("run_all", "1h")
        .await
        .down_over_instants()
        .await;
    assert!(missed.iter().all(|(_, skipped)| skipped.is_none()), "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn skip_runs_none_of_the_missed_instants_and_says_why() {
    let (missed, all) = Deployment::start("skip", "1h").await.down_over_instants().await;
    assert!(
        missed
            .iter()
            .all(|(_, skipped)| skipped.as_deref() == Some("policy")),
        "{all:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn run_once_lets_one_run_stand_for_all_missed_instants() {
    let (missed, all) = Deployment::start("run_once", "1h")
        .await
        .down_over_instants()
        .await;
    let (last, earlier) = missed.split_last().unwrap();
    assert!(
        earlier
            .iter()
            .all(|(_, skipped)| skipped.as_deref() == Some("superseded")),
        "{all:?}"
    );
    // Where the start took longer than the pause between two instants, the next one stands for this one too.
    assert!(matches!(last.1.as_deref(), None | Some("superseded")), "{all:?}");
    let next = all
        .iter()
        .find(|(at, skipped)| *at > earlier[0].0 && skipped.is_none());
    assert!(next.is_some(), "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missed_for_longer_than_the_grace_period_is_not_run() {
    let (missed, all) = Deployment::start("run_all", "4s")
        .await
        .down_over_instants()
        .await;
    assert_eq!(missed[0].1.as_deref(), Some("grace"), "{all:?}");
    let reasons: Vec<_> = missed.iter().map(|(_, skipped)| skipped.is_some()).collect();
    assert!(
        reasons.is_sorted_by(|a, b| a >= b),
        "the early ones are too late: {all:?}"
    );
}
