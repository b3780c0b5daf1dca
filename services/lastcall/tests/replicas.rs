//! Several schedulers on one PostgreSQL and one nats-server: whichever of them dies or stalls, and whenever, every event is
//! in the log once and every scheduled instant is accounted for.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use chrono::{DateTime, Days, TimeDelta, Utc};
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use test_support::csv_file;
use test_support::lastcall::{Lastcall, Process, eventually, last_line_json};
use test_support::nats::NatsServer;
use test_support::postgres::Postgres;

const HOLDERS: u64 = 1_000;
const REPLICAS: usize = 5;
const LEASE: Duration = Duration::from_secs(3);

/// For six-figure numbers of events on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(100);

/// Coupons that are due, and a job that is scheduled for one instant, soon after the schedulers have started.
struct Deployment {
    lastcall: Lastcall,
    nats: NatsServer,
    coupons: u64,
    _folder: TempDir,
}

impl Deployment {
    async fn start(coupons: u64, chunk_rows: u64) -> Option<Self> {
        let database = Postgres::start().await?;
        let nats = NatsServer::start().await;
        let folder = TempDir::new().unwrap();
        let lastcall = Lastcall::new(env!("CARGO_BIN_EXE_lastcall")).with([
            format!("--nats={}", nats.url()),
            format!("--database={}", database.url()),
            format!("--set=scheduler.lease={}s", LEASE.as_secs()),
            format!("--set=scheduler.chunk_rows={chunk_rows}"),
            "--set=nats.ack_timeout=1s".to_owned(),
            // Every second, to have instants to account for; the others only get in the way.
            "--set=scheduler.alert_due.schedule.cron=* * * * * *".to_owned(),
            "--set=scheduler.funding_closing.schedule.cron=0 0 0 29 2 *".to_owned(),
            "--set=scheduler.funding_settlement.schedule.cron=0 0 0 29 2 *".to_owned(),
        ]);
        lastcall.succeed(["migrate"]).await;
        let tomorrow = (Utc::now().date_naive() + Days::new(1)).to_string();
        let rows = (0..coupons).map(|i| vec![format!("c{i}"), format!("u{}", i % HOLDERS), tomorrow.clone()]);
        let file = folder.path().join("coupons.csv");
        csv_file::write(&file, &["id", "user_id", "expires_on"], rows);
        let imported = lastcall
            .json(["import", "coupons", file.to_str().unwrap(), "--json"])
            .await;
        assert_eq!(imported["accepted"], coupons);

        let at = Utc::now() + TimeDelta::seconds(8);
        let once = at.format("%-S %-M %-H %-d %-m *");
        Some(Self {
            lastcall: lastcall.with([format!("--set=scheduler.coupon_expiring.schedule.cron={once}")]),
            nats,
            coupons,
            _folder: folder,
        })
    }

    fn scheduler(&self) -> Process {
        self.lastcall.start(["scheduler"])
    }

    /// The newest entry of the history of the job that this is about.
    async fn run(&self) -> Option<Value> {
        self.history("coupon-expiring", 1).await.pop()
    }

    async fn history(&self, job: &str, limit: u32) -> Vec<Value> {
        let limit = format!("--limit={limit}");
        let lines = self
            .lastcall
            .succeed(["jobs", "history", job, "--json", &limit])
            .await;
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// How many rows the run has read, once it has begun.
    async fn read(&self) -> Option<u64> {
        let run = self.run().await?;
        (run["state"] == "running").then(|| run["counts"]["read"].as_u64().unwrap())
    }

    async fn judge(&self) {
        let begun = Instant::now();
        let run = loop {
            let run = self.run().await.unwrap();
            if run["state"] == "succeeded" {
                break run;
            }
            assert!(begun.elapsed() < PATIENCE, "{run}");
            tokio::time::sleep(POLL).await;
        };
        assert_eq!(run["counts"]["read"], self.coupons, "{run}");
        // Nothing else has been emitted, so the log's own count says whether any is there twice or missing.
        let at = format!("--at={}", run["scheduled_at"].as_str().unwrap());
        let mut again = self
            .lastcall
            .start(["jobs", "run", "coupon-expiring", "--json", &at]);
        while again.poll().is_none() {
            assert!(begun.elapsed() < PATIENCE, "{}", again.stderr());
            tokio::time::sleep(POLL).await;
        }
        let again = last_line_json(&again.stdout());
        assert_eq!(
            (&again["emitted"], &again["already_emitted"]),
            (&0.into(), &self.coupons.into())
        );
        let state = self.nats.request("$JS.API.STREAM.INFO.EVENTS", b"").await;
        let state: Value = serde_json::from_str(&state).unwrap();
        assert_eq!(state["state"]["messages"], self.coupons, "{state}");
        self.judge_instants().await;
    }

    /// Every second since the schedulers began is a run or within a range of skipped ones, none twice.
    async fn judge_instants(&self) {
        let mut covered: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
        for entry in self.history("alert-due", 10_000).await {
            let instant = |name: &str| entry[name].as_str().map(|text| text.parse().unwrap());
            let whole = instant("scheduled_at").map(|at| (at, at));
            let range = whole.or_else(|| Some((instant("first")?, instant("last")?)));
            covered.push(range.unwrap());
        }
        covered.sort();
        for pair in covered.windows(2) {
            let ((_, before), (after, _)) = (pair[0], pair[1]);
            assert_eq!(after - before, TimeDelta::seconds(1), "{pair:?}");
        }
        assert!(covered.len() > 5, "{covered:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_schedulers_killed_in_turn_tell_of_every_row_once_and_account_for_every_instant() {
    let Some(mut deployment) = Deployment::start(200_000, 500).await else {
        return;
    };
    let mut replicas: Vec<_> = (0..REPLICAS).map(|_| deployment.scheduler()).collect();
    eventually("the run begins", || deployment.read()).await;

    let (mut killed, mut restarted) = (0, false);
    let (mut next_kill, deadline) = (Instant::now(), Instant::now() + PATIENCE);
    while let Some(read) = deployment.read().await {
        assert!(Instant::now() < deadline, "at {read} after {killed} kills");
        if Instant::now() < next_kill {
            continue;
        }
        let victim = killed % REPLICAS;
        replicas[victim].kill().await;
        replicas[victim] = deployment.scheduler();
        killed += 1;
        next_kill = Instant::now() + Duration::from_secs(2);
        if killed == 2 && !restarted {
            deployment.nats.kill().await;
            deployment.nats.restart().await;
            restarted = true;
        }
    }
    assert!(restarted, "it was over after {killed} kills");
    deployment.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_that_was_stopped_for_longer_than_its_lease_moves_nothing_when_it_goes_on() {
    let Some(deployment) = Deployment::start(20_000, 20).await else {
        return;
    };
    let mut first = deployment.scheduler();
    let begun = eventually("the run has come somewhere", || async {
        deployment.read().await.filter(|read| *read > 0)
    })
    .await;
    first.signal(Signal::STOP);
    let mut second = deployment.scheduler();
    let taken_over = Instant::now();
    eventually("another takes the run over", || async {
        deployment.read().await.filter(|read| *read > begun + 1_000)
    })
    .await;
    // The lease, and a while for a busy machine.
    assert!(taken_over.elapsed() < LEASE * 10, "{:?}", taken_over.elapsed());
    first.signal(Signal::CONT);
    deployment.judge().await;
    let run = deployment.run().await.unwrap();
    let states: Vec<_> = run["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["state"])
        .collect();
    assert_eq!(states[..2], ["abandoned", "succeeded"], "{run}");
    for scheduler in [&mut first, &mut second] {
        assert!(scheduler.stop(Signal::TERM).await.success());
    }
}
