//! Rebuilds the notification tables of a large log beside live traffic, on PostgreSQL and on SQLite, and on PostgreSQL
//! beside a bare COPY of the same rows.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use benchmarks::bare::Publisher;
use benchmarks::mixed_log::MixedLog;
use benchmarks::{bare_copy, binary, machine};
use chrono::Utc;
use clap::Parser;
use event_log::{EventLog, Settings};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use test_support::lastcall::{Lastcall, Process};
use test_support::nats::NatsServer;
use test_support::person::Person;
use test_support::postgres::Postgres;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Messages that are made and published at once.
const PORTION: u64 = 50_000;

/// Live traffic: so many messages, four times a second.
const TRAFFIC: u64 = 100;
const TRAFFIC_PAUSE: Duration = Duration::from_millis(250);

const POLL: Duration = Duration::from_millis(100);

const KEY: &str = "--set=auth.hs256_key=a key of the benchmark with more than 32 bytes";

/// Measure a rebuild of the notification tables beside live traffic.
///
/// Starts a nats-server and a PostgreSQL of its own. The last line is one JSON object: postgres_vs_copy (the rate of the
/// rebuild through that of a bare COPY of the same rows, each with its indexes), postgres_events_per_s,
/// sqlite_events_per_s, equal (whether all tables were compared row by row and were the same).
#[derive(Debug, Parser)]
struct Args {
    /// How many events are in the log.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..=20_000_000))]
    events: u64,

    /// How often the rebuild on PostgreSQL and the bare COPY are measured, in turns; the fastest of each counts.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=10))]
    rounds: u32,

    /// The binary to measure, rather than the one beside this program.
    #[arg(long, value_name = "PATH")]
    lastcall: Option<PathBuf>,
}

/// What the last line says.
#[derive(Debug, Serialize)]
struct Figures {
    postgres_vs_copy: f64,
    postgres_events_per_s: f64,
    sqlite_events_per_s: f64,
    equal: bool,
}

/// What a rebuild says of itself.
#[derive(Debug, Deserialize)]
struct Rebuilt {
    messages: u64,
    equal: bool,
    building_seconds: f64,
    comparing_seconds: f64,
    swapping_seconds: f64,
    rate: f64,
}

/// Tables that a projector keeps up to date.
struct Tables {
    name: &'static str,
    lastcall: Lastcall,
    witness: Person,
    _processes: [Process; 2],
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let lastcall = binary::measured(args.lastcall)?;
    let nats = NatsServer::start().await;
    let postgres = Postgres::start()
        .await
        .context("there is no PostgreSQL on this machine")?;
    let folder = TempDir::new()?;
    let settings = Settings {
        url: nats.url(),
        ..Settings::default()
    };
    EventLog::open(&settings).await?;
    let mut log = MixedLog::new(args.events, Utc::now());
    fill(&mut log, args.events, &settings.url).await?;
    println!(
        "{}; {}",
        machine::description(),
        test_support::postgres::version().unwrap_or_default()
    );
    println!(
        "{} messages, {} of them notifications; {} more each second while anything is measured\n",
        log.made(),
        log.notifications(),
        4 * TRAFFIC
    );
    let lastcall =
        Lastcall::new(lastcall).with(["--nats", &settings.url, KEY, "--set=http.listen=127.0.0.1:0"]);
    let sqlite = format!("sqlite:{}", folder.path().join("tables.db").display());

    let tables = Tables::live("PostgreSQL", &lastcall, postgres.url(), args.events).await;
    bare_copy::remember(&postgres, args.events).await;
    let traffic = Traffic::start(log, &settings.url);
    let mut on_postgres = tables.rebuild().await?;
    bare_copy::take_out(&postgres, folder.path()).await;
    let mut copied = Duration::MAX;
    for round in 1..=args.rounds {
        if round > 1 {
            on_postgres = on_postgres.better(tables.rebuild().await?);
        }
        let took = bare_copy::load(&postgres, folder.path()).await;
        println!(
            "bare COPY with the same indexes (round {round}): {:.2} s",
            took.as_secs_f64()
        );
        copied = copied.min(took);
    }
    let log = traffic.stop().await?;
    bare_copy::assert_remembered(&postgres, args.events).await;
    let equal = on_postgres.equal && tables.agree().await?;
    drop(tables);

    let tables = Tables::live("SQLite", &lastcall, &sqlite, log.made()).await;
    let traffic = Traffic::start(log, &settings.url);
    let on_sqlite = tables.rebuild().await?;
    traffic.stop().await?;
    let equal = equal && on_sqlite.equal && tables.agree().await?;

    let figures = Figures {
        postgres_vs_copy: rounded(copied.as_secs_f64() / on_postgres.building_seconds, 1e3),
        postgres_events_per_s: rounded(on_postgres.rate, 1.0),
        sqlite_events_per_s: rounded(on_sqlite.rate, 1.0),
        equal,
    };
    println!("\n{}", serde_json::to_string(&figures)?);
    Ok(())
}

async fn fill(log: &mut MixedLog, events: u64, url: &str) -> anyhow::Result<()> {
    let began = Instant::now();
    while log.made() < events {
        let messages = log.take(PORTION.min(events - log.made()));
        let acked = Publisher::connect(url).await?.publish(&messages).await?;
        ensure!(
            acked.stored == messages.len() as u64,
            "not all was stored: {acked:?}"
        );
    }
    eprintln!("filled the log in {:.1?}", began.elapsed());
    Ok(())
}

impl Rebuilt {
    /// The faster of two, equal only where both are.
    fn better(self, other: Self) -> Self {
        let equal = self.equal && other.equal;
        let faster = if self.building_seconds <= other.building_seconds {
            self
        } else {
            other
        };
        Self { equal, ..faster }
    }
}

impl Tables {
    /// Builds them as the projector does, and says how long that took.
    async fn live(name: &'static str, lastcall: &Lastcall, database: &str, events: u64) -> Self {
        let lastcall = lastcall.with(["--database", database]);
        lastcall.succeed(["migrate"]).await;
        let mut inbox = lastcall.start(["inbox"]);
        let url = inbox.said("listening on ").await;
        let witness = Person::new(&url, &url, lastcall.token("witness").await);
        let began = Instant::now();
        let projector = lastcall.start(["projector"]);
        while witness.projected().await < events {
            tokio::time::sleep(POLL).await;
        }
        let took = began.elapsed().as_secs_f64();
        println!(
            "{name}, built live: {took:.2} s ({:.0} events/s)",
            to_float(events) / took
        );
        Self {
            name,
            lastcall,
            witness,
            _processes: [projector, inbox],
        }
    }

    async fn rebuild(&self) -> anyhow::Result<Rebuilt> {
        let rebuilt = self.run(&[]).await?;
        println!(
            "{}, rebuilt: {:.2} s for {} events ({:.0} events/s), compared in {:.2} s, swapped in {:.2} s",
            self.name,
            rebuilt.building_seconds,
            rebuilt.messages,
            rebuilt.rate,
            rebuilt.comparing_seconds,
            rebuilt.swapping_seconds
        );
        let reached = self.witness.projected().await;
        ensure!(reached >= rebuilt.messages, "the inbox went back to {reached}");
        Ok(rebuilt)
    }

    /// Whether the tables, as they are now, are what the log says.
    async fn agree(&self) -> anyhow::Result<bool> {
        Ok(self.run(&["--dry-run"]).await?.equal)
    }

    /// Runs a rebuild to its end, which comes late with a large log.
    async fn run(&self, more: &[&str]) -> anyhow::Result<Rebuilt> {
        let arguments = ["projector", "rebuild", "--json"].iter().chain(more);
        let mut process = self.lastcall.start(arguments);
        let status = loop {
            match process.poll() {
                Some(status) => break status,
                None => tokio::time::sleep(POLL).await,
            }
        };
        ensure!(
            matches!(status.code(), Some(0 | 3)),
            "the rebuild failed: {}",
            process.stderr()
        );
        let said = process.stdout();
        let rebuilt: Rebuilt = serde_json::from_str(said.trim()).context("reading what the rebuild says")?;
        if !rebuilt.equal {
            println!("{said}");
        }
        Ok(rebuilt)
    }
}

/// What goes on beside all that is measured.
struct Traffic {
    stop: CancellationToken,
    running: JoinHandle<anyhow::Result<MixedLog>>,
}

impl Traffic {
    fn start(mut log: MixedLog, url: &str) -> Self {
        let stop = CancellationToken::new();
        let (stopped, url) = (stop.clone(), url.to_owned());
        let running = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(TRAFFIC_PAUSE);
            while !stopped.is_cancelled() {
                ticks.tick().await;
                let messages = log.take(TRAFFIC);
                Publisher::connect(&url).await?.publish(&messages).await?;
            }
            Ok(log)
        });
        Self { stop, running }
    }

    async fn stop(self) -> anyhow::Result<MixedLog> {
        self.stop.cancel();
        self.running.await?
    }
}

/// To a multiple of one through `scale`.
fn rounded(value: f64, scale: f64) -> f64 {
    (value * scale).round() / scale
}

#[allow(clippy::cast_precision_loss)] // It is far below 2^52.
fn to_float(number: u64) -> f64 {
    number as f64
}
