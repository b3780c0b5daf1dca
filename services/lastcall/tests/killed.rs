//! Whatever is killed in the middle of a job and started again, the end is the same: one event and one row for each
//! coupon, none twice.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::path::Path;

use chrono::{DateTime, Days, Utc};
use reqwest::StatusCode;
use tempfile::TempDir;
use test_support::csv_file;
use test_support::lastcall::{CLOCK_OFF, Dev, Lastcall, Process, eventually};
use test_support::nats::NatsServer;
use test_support::person::Person;
use test_support::postgres::Postgres;

const COUPONS: u64 = 3_000;
const HOLDERS: u64 = 20;

/// How many coupons have been told of when something is killed.
const KILLED_AT: [u64; 3] = [COUPONS / 5, COUPONS * 2 / 5, COUPONS * 3 / 5];

/// So small that there is time to kill in the middle, also on a busy machine.
const SMALL_CHUNKS: &str = "--set=scheduler.chunk_rows=3";
const SMALL_BATCHES: &str = "--set=projector.batch_messages=3";

/// Servers and tables of a test's own, coupons that are due, and an inbox to look at them.
struct Deployment {
    lastcall: Lastcall,
    at: DateTime<Utc>,
    inbox: String,
    _inbox: Process,
    _nats: NatsServer,
    _folder: TempDir,
}

impl Deployment {
    async fn on_sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let database = format!("sqlite:{}", folder.path().join("tables.db").display());
        Self::start(folder, &database).await
    }

    async fn on_postgresql() -> Option<Self> {
        let database = Postgres::start().await?;
        Some(Self::start(TempDir::new().unwrap(), database.url()).await)
    }

    async fn start(folder: TempDir, database: &str) -> Self {
        let nats = NatsServer::start().await;
        let lastcall = Lastcall::new(env!("CARGO_BIN_EXE_lastcall"));
        let lastcall = lastcall.deployed_on(&nats, database).await;
        let at = Utc::now();
        import_coupons(&lastcall, folder.path(), at).await;
        let mut inbox = lastcall.start(["inbox"]);
        Self {
            inbox: inbox.said("listening on ").await,
            _inbox: inbox,
            _nats: nats,
            _folder: folder,
            lastcall,
            at,
        }
    }

    async fn person(&self, user: &str) -> Person {
        Person::new(&self.inbox, &self.inbox, self.lastcall.token(user).await)
    }

    fn job(&self) -> [String; 5] {
        let at = format!("--at={}", self.at.to_rfc3339());
        [
            "jobs".into(),
            "run".into(),
            "coupon-expiring".into(),
            at,
            "--json".into(),
        ]
    }

    /// Starts `arguments` again and again, each time killing it once the table has come so far.
    async fn kill_again_and_again(&self, arguments: &[&str]) {
        let witness = self.person("witness").await;
        for reached in KILLED_AT {
            let mut victim = self.lastcall.start(arguments);
            eventually("the work comes so far", || async {
                (witness.projected().await >= reached).then_some(())
            })
            .await;
            assert_eq!(victim.poll(), None, "killed while it works:\n{}", victim.stderr());
            victim.kill().await;
        }
        let reached = witness.projected().await;
        assert!(reached < COUPONS, "it was killed in the middle, at {reached}");
    }

    /// Each coupon was told of once: so say the job, the log and the table.
    async fn judge(&self) {
        let again = self.lastcall.json(self.job()).await;
        assert_eq!(
            (&again["emitted"], &again["already_emitted"]),
            (&0.into(), &COUPONS.into())
        );
        let mut people = Vec::new();
        for holder in 0..HOLDERS {
            people.push(self.person(&format!("u{holder}")).await);
        }
        judge_table(&people).await;
    }
}

async fn import_coupons(lastcall: &Lastcall, folder: &Path, at: DateTime<Utc>) {
    let tomorrow = (at.date_naive() + Days::new(1)).to_string();
    let rows = (0..COUPONS).map(|i| vec![format!("c{i}"), format!("u{}", i % HOLDERS), tomorrow.clone()]);
    let file = folder.join("coupons.csv");
    csv_file::write(&file, &["id", "user_id", "expires_on"], rows);
    let imported = lastcall
        .json(["import", "coupons", file.to_str().unwrap(), "--json"])
        .await;
    assert_eq!(imported["accepted"], COUPONS);
}

/// Sequences are given to stored messages only, so the last one says how many events there are.
async fn judge_table(people: &[Person]) {
    eventually("the table has everything", || async {
        (people[0].projected().await >= COUPONS).then_some(())
    })
    .await;
    assert_eq!(people[0].projected().await, COUPONS, "none was emitted twice");
    let (mut rows, mut coupons, mut ids) = (0, HashSet::new(), HashSet::new());
    for person in people {
        for row in person.notifications().await {
            rows += 1;
            coupons.insert(row["subject"].as_str().unwrap().to_owned());
            ids.insert(row["id"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(rows, COUPONS);
    assert_eq!(
        (coupons.len() as u64, ids.len() as u64),
        (COUPONS, COUPONS),
        "none is there twice"
    );
}

async fn a_job_killed_in_the_middle(deployment: &Deployment) {
    let _projector = deployment.lastcall.start(["projector"]);
    let job = deployment.job();
    let mut arguments: Vec<&str> = job.iter().map(String::as_str).collect();
    arguments.push(SMALL_CHUNKS);
    deployment.kill_again_and_again(&arguments).await;
    let finished = deployment.lastcall.json(&job).await;
    assert_eq!(finished["read"], COUPONS, "the counts are those of the whole run");
    deployment.judge().await;
}

async fn a_scheduler_killed_in_the_middle(deployment: &Deployment) {
    let _projector = deployment.lastcall.start(["projector"]);
    let every_second = "--set=scheduler.coupon_expiring.schedule.cron=* * * * * *";
    let arguments = ["scheduler", SMALL_CHUNKS, every_second];
    deployment.kill_again_and_again(&arguments).await;
    let mut scheduler = deployment.lastcall.start(arguments);
    let witness = deployment.person("witness").await;
    eventually("the scheduler ends what it began", || async {
        (witness.projected().await >= COUPONS).then_some(())
    })
    .await;
    assert!(scheduler.stop(rustix::process::Signal::TERM).await.success());
    deployment.judge().await;
}

async fn a_projector_killed_in_the_middle(deployment: &Deployment) {
    let emitted = deployment.lastcall.json(deployment.job()).await;
    assert_eq!(emitted["emitted"], COUPONS);
    deployment
        .kill_again_and_again(&["projector", SMALL_BATCHES])
        .await;
    let _projector = deployment.lastcall.start(["projector"]);
    deployment.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_killed_in_the_middle_goes_on_and_tells_nobody_twice_on_sqlite() {
    a_job_killed_in_the_middle(&Deployment::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_killed_in_the_middle_goes_on_and_tells_nobody_twice_on_postgresql() {
    if let Some(deployment) = Deployment::on_postgresql().await {
        a_job_killed_in_the_middle(&deployment).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_killed_in_the_middle_ends_what_it_began_on_sqlite() {
    a_scheduler_killed_in_the_middle(&Deployment::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_killed_in_the_middle_ends_what_it_began_on_postgresql() {
    if let Some(deployment) = Deployment::on_postgresql().await {
        a_scheduler_killed_in_the_middle(&deployment).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projector_killed_in_the_middle_goes_on_where_the_table_stands_on_sqlite() {
    a_projector_killed_in_the_middle(&Deployment::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projector_killed_in_the_middle_goes_on_where_the_table_stands_on_postgresql() {
    if let Some(deployment) = Deployment::on_postgresql().await {
        a_projector_killed_in_the_middle(&deployment).await;
    }
}

/// Its nats-server outlives it, and must neither block the next start nor share the store with a second one.
#[tokio::test(flavor = "multi_thread")]
async fn dev_killed_in_the_middle_of_a_job_goes_on_and_tells_nobody_twice() {
    let folder = TempDir::new().unwrap();
    let lastcall = Lastcall::new(env!("CARGO_BIN_EXE_lastcall"))
        .with(CLOCK_OFF)
        .with([SMALL_CHUNKS]);
    let options = ["--seed=none", "--http=127.0.0.1:0"];
    let mut dev = Dev::start(&lastcall, folder.path(), &options).await;
    import_coupons(&dev.lastcall, folder.path(), Utc::now()).await;
    for reached in KILLED_AT {
        let running = tokio::spawn(run_now(dev.endpoint("http").to_owned()));
        let witness = dev.person("witness").await;
        eventually("the job comes so far", || async {
            (witness.projected().await >= reached).then_some(())
        })
        .await;
        assert!(!running.is_finished(), "killed while it works");
        dev.process.kill().await;
        assert!(
            running.await.unwrap().is_err(),
            "the one who asked was not answered"
        );
        dev = Dev::start(&lastcall, folder.path(), &options).await;
    }
    let answer = run_now(dev.endpoint("http").to_owned()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let mut people = Vec::new();
    for holder in 0..HOLDERS {
        people.push(dev.person(&format!("u{holder}")).await);
    }
    judge_table(&people).await;
}

async fn run_now(http: String) -> reqwest::Result<reqwest::Response> {
    let url = format!("{http}/dev/jobs/coupon-expiring/run");
    reqwest::Client::new().post(url).send().await
}
