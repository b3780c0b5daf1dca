//! `lastcall projector rebuild` as operators use it, beside a projector and an inbox, and killed wherever it is.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use chrono::{Days, Utc};
use serde_json::Value;
use tempfile::TempDir;
use test_support::csv_file;
use test_support::lastcall::{Lastcall, Process, eventually};
use test_support::nats::NatsServer;
use test_support::person::Person;
use test_support::postgres::Postgres;

const COUPONS: u64 = 6_000;
const HOLDERS: u64 = 40;

/// What it says when it is killed.
const STEPS: [&str; 7] = [
    "reading the log",
    "writing the new tables",
    "making indexes",
    "catching up",
    "comparing",
    "putting the new tables in place",
    "dropping",
];

/// Servers, tables, a projector that has projected everything, and an inbox to look at it.
struct Deployment {
    lastcall: Lastcall,
    inbox: String,
    _processes: [Process; 2],
    _nats: NatsServer,
    folder: TempDir,
}

impl Deployment {
    async fn start(folder: TempDir, database: &str) -> Self {
        let nats = NatsServer::start().await;
        let lastcall = Lastcall::new(env!("CARGO_BIN_EXE_lastcall"));
        let lastcall = lastcall.deployed_on(&nats, database).await;
        tell_of_coupons(&lastcall, folder.path()).await;
        let projector = lastcall.start(["projector"]);
        let mut inbox = lastcall.start(["inbox"]);
        let deployment = Self {
            inbox: inbox.said("listening on ").await,
            _processes: [projector, inbox],
            _nats: nats,
            folder,
            lastcall,
        };
        let witness = deployment.person("witness").await;
        eventually("everything is projected", || async {
            (witness.projected().await >= COUPONS).then_some(())
        })
        .await;
        deployment
    }

    async fn on_sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let database = format!("sqlite:{}", folder.path().join("tables.db").display());
        Self::start(folder, &database).await
    }

    async fn on_postgresql() -> Option<Self> {
        let database = Postgres::start().await?;
        Some(Self::start(TempDir::new().unwrap(), database.url()).await)
    }

    async fn person(&self, user: &str) -> Person {
        Person::new(&self.inbox, &self.inbox, self.lastcall.token(user).await)
    }

    async fn rebuild(&self, options: &[&str]) -> Value {
        let arguments: Vec<&str> = ["projector", "rebuild", "--json"]
            .iter()
            .chain(options)
            .copied()
            .collect();
        self.lastcall.json(arguments).await
    }

    /// Kills a rebuild at each of its steps; what a person sees stays what it was.
    async fn kill_at_each_step(&self) {
        let person = self.person("u3").await;
        let before = person.notifications().await;
        assert_eq!(before.len() as u64, COUPONS / HOLDERS);
        let mut killed = 0;
        for step in STEPS {
            let mut victim = self.lastcall.start(["projector", "rebuild"]);
            eventually(step, || async { victim.stderr().contains(step).then_some(()) }).await;
            killed += u32::from(victim.poll().is_none());
            victim.kill().await;
            assert_eq!(person.notifications().await, before, "killed while {step}");
        }
        assert!(killed > 3, "most were killed while they worked: {killed}");
        let rebuilt = self.rebuild(&[]).await;
        assert_eq!(
            (&rebuilt["equal"], &rebuilt["swapped"]),
            (&true.into(), &true.into()),
            "{rebuilt}"
        );
        assert_eq!(person.notifications().await, before);
        let compared = self.rebuild(&["--dry-run"]).await;
        assert_eq!(
            (&compared["equal"], &compared["swapped"]),
            (&true.into(), &false.into()),
            "{compared}"
        );
        assert_eq!(compared["tables"][0]["equal"], COUPONS);
    }
}

async fn tell_of_coupons(lastcall: &Lastcall, folder: &Path) {
    let tomorrow = (Utc::now().date_naive() + Days::new(1)).to_string();
    let rows = (0..COUPONS).map(|i| vec![format!("c{i}"), format!("u{}", i % HOLDERS), tomorrow.clone()]);
    let file = folder.join("coupons.csv");
    csv_file::write(&file, &["id", "user_id", "expires_on"], rows);
    lastcall
        .succeed(["import", "coupons", file.to_str().unwrap()])
        .await;
    lastcall.succeed(["jobs", "run", "coupon-expiring"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_step_it_leaves_the_tables_whole_on_sqlite() {
    Deployment::on_sqlite().await.kill_at_each_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_step_it_leaves_the_tables_whole_on_postgresql() {
    if let Some(deployment) = Deployment::on_postgresql().await {
        deployment.kill_at_each_step().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_shown_and_nothing_changed() {
    let deployment = Deployment::on_sqlite().await;
    let file = deployment.folder.path().join("then.ndjson");
    let output = format!("--output={}", file.display());
    let now = format!("--until={}", Utc::now().to_rfc3339());
    let shown = deployment
        .lastcall
        .run(["projector", "rebuild", &now, &output, "--json"])
        .await;
    assert!(shown.status.success(), "{shown:?}");
    assert!(shown.stdout.is_empty(), "{shown:?}");
    let said: Value = serde_json::from_str(shown.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(said["rows"], COUPONS, "{said}");
    let rows = std::fs::read_to_string(&file).unwrap();
    assert_eq!(rows.lines().count() as u64, COUPONS);

    let long_ago = ["projector", "rebuild", "--until=2020-01-01T00:00:00Z"];
    let nothing = deployment.lastcall.run(long_ago).await;
    assert!(
        nothing.status.success() && nothing.stdout.is_empty(),
        "{nothing:?}"
    );
}
