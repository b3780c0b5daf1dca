//! Runs `coupon-expiring` over many due coupons on PostgreSQL, beside a bare program that publishes the same messages into
//! the same nats-server, in turns.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use benchmarks::bare::{Acked, Publisher};
use benchmarks::job_run::{Counts, Servers};
use benchmarks::messages::{self, Message};
use benchmarks::report::{Figures, Line, Times, median, table};
use benchmarks::{binary, coupons, machine};
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use clap::Parser;
use event_log::{EventLog, Settings};
use test_support::nats::NatsServer;
use test_support::postgres::Postgres;

/// The small run, by which growth is judged, has this part of the rows.
const SMALL: u64 = 10;

const DELETE_STREAM: &str = "$JS.API.STREAM.DELETE.";

/// Measure the scheduler on many due coupons beside a bare publisher of the same messages.
///
/// Starts a nats-server and a PostgreSQL of its own. The last line is one JSON object: first_ratio and repeat_ratio (our
/// rate through the bare program's), peak_mib (memory of the run), cost_growth (cost of a row in the whole through that
/// in a tenth of it).
#[derive(Debug, Parser)]
struct Args {
    /// How many coupons are due.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..=5_000_000))]
    rows: u64,

    /// How often each thing is measured; the median counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,

    /// The binary to measure, rather than the one beside this program.
    #[arg(long, value_name = "PATH")]
    lastcall: Option<PathBuf>,
}

/// What is measured with, and on.
struct Bench<'a> {
    nats: &'a NatsServer,
    postgres: &'a Postgres,
    servers: Servers<'a>,
    settings: Settings,
    /// The instant that the next run is for: each run is the first of its instant.
    at: DateTime<Utc>,
    peak_memory: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let lastcall = binary::measured(args.lastcall)?;
    let nats = NatsServer::start().await;
    let postgres = Postgres::start()
        .await
        .context("there is no PostgreSQL on this machine")?;
    let url = nats.url();
    let servers = Servers {
        lastcall: &lastcall,
        database: postgres.url(),
        nats: &url,
    };
    let settings = Settings {
        url: url.clone(),
        ..Settings::default()
    };
    servers.migrate()?;
    let at = Utc::now().trunc_subsecs(0);
    let mut bench = Bench {
        nats: &nats,
        postgres: &postgres,
        servers,
        settings,
        at,
        peak_memory: 0,
    };

    let empty = bench.empty(args.rounds).await?;
    let small_rows = args.rows / SMALL;
    eprintln!("filling the tables with {small_rows} coupons");
    coupons::fill(&postgres, small_rows, at).await;
    let small = bench.small(small_rows, args.rounds).await?;
    eprintln!("filling the tables with {} coupons", args.rows);
    coupons::fill(&postgres, args.rows, at).await;
    let large = bench.large(args.rows, args.rounds).await?;

    let [first, repeat, bare_first, bare_repeat] = &large;
    let cost = |line: &Line| line.micros_a_row(line.median(|times| times.took).saturating_sub(empty));
    let figures = Figures {
        first_ratio: first.rate() / bare_first.rate(),
        repeat_ratio: repeat.rate() / bare_repeat.rate(),
        peak_mib: to_float(bench.peak_memory) / 1024.0 / 1024.0,
        cost_growth: cost(first) / cost(&small),
    };
    let version = test_support::postgres::version().unwrap_or_default();
    println!("{}; {version}", machine::description());
    println!("a run without rows takes {empty:.2?}; it counts in rows/s and not in cost_growth\n");
    let lines: Vec<Line> = std::iter::once(small).chain(large).collect();
    println!("{}", table(&lines));
    println!("{}", serde_json::to_string(&figures.rounded())?);
    Ok(())
}

impl Bench<'_> {
    /// How long a run takes that finds nothing.
    async fn empty(&self, rounds: u32) -> anyhow::Result<Duration> {
        self.new_log().await?;
        let later = self.at + TimeDelta::days(30);
        let mut took = Vec::new();
        for _ in 0..rounds {
            let ran = self.servers.coupon_expiring(later).await?;
            ensure!(ran.counts.read == 0, "there should be nothing: {:?}", ran.counts);
            took.push(ran.took);
        }
        Ok(median(took))
    }

    async fn small(&mut self, rows: u64, rounds: u32) -> anyhow::Result<Line> {
        let mut line = Line::new("lastcall, a tenth", rows);
        for round in 0..rounds {
            self.new_log().await?;
            self.next_instant();
            self.first(&mut line, round).await?;
        }
        Ok(line)
    }

    /// Ours, ours again, the bare program, the bare program again: and so on, so that whatever the machine does meets
    /// both.
    async fn large(&mut self, rows: u64, rounds: u32) -> anyhow::Result<[Line; 4]> {
        let mut lines = [
            "lastcall, first",
            "lastcall, repeat",
            "bare program, first",
            "bare program, repeat",
        ]
        .map(|name| Line::new(name, rows));
        let mut messages = Vec::new();
        for round in 0..rounds {
            let [first, repeat, bare_first, bare_repeat] = &mut lines;
            self.new_log().await?;
            self.next_instant();
            self.first(first, round).await?;
            self.repeat(repeat, round).await?;
            if messages.is_empty() {
                messages = messages::read_all(&self.settings).await?;
            }
            self.new_log().await?;
            let acked = self.bare(bare_first, round, &messages).await?;
            ensure!(acked.stored == rows, "not all was new: {acked:?}");
            let acked = self.bare(bare_repeat, round, &messages).await?;
            ensure!(acked.duplicates == rows, "not all was there: {acked:?}");
        }
        Ok(lines)
    }

    async fn first(&mut self, line: &mut Line, round: u32) -> anyhow::Result<()> {
        let all_new = Counts {
            read: line.rows,
            emitted: line.rows,
            already_emitted: 0,
            skipped: 0,
        };
        self.run(line, round, all_new).await
    }

    async fn repeat(&mut self, line: &mut Line, round: u32) -> anyhow::Result<()> {
        let all_there = Counts {
            read: line.rows,
            emitted: 0,
            already_emitted: line.rows,
            skipped: 0,
        };
        self.run(line, round, all_there).await
    }

    async fn run(&mut self, line: &mut Line, round: u32, expected: Counts) -> anyhow::Result<()> {
        let before = self.servers_worked();
        let ran = self.servers.coupon_expiring(self.at).await?;
        eprintln!("{} (round {}): {:.2?}", line.name, round + 1, ran.took);
        ensure!(
            ran.counts == expected,
            "the run did {:?}, not {expected:?}",
            ran.counts
        );
        line.times.push(self.times(before, ran.took, ran.worked));
        self.peak_memory = self.peak_memory.max(ran.peak_memory);
        Ok(())
    }

    async fn bare(&self, line: &mut Line, round: u32, messages: &[Message]) -> anyhow::Result<Acked> {
        let publisher = Publisher::connect(&self.settings.url).await?;
        let before = self.servers_worked();
        let acked = publisher.publish(messages).await?;
        eprintln!("{} (round {}): {:.2?}", line.name, round + 1, acked.took);
        line.times.push(self.times(before, acked.took, acked.worked));
        Ok(acked)
    }

    /// For how long the nats-server and PostgreSQL have worked.
    fn servers_worked(&self) -> [Duration; 2] {
        let nats = self.nats.process_id().and_then(machine::worked);
        let postgres = machine::worked_with_children(self.postgres.process_id());
        [nats, postgres].map(Option::unwrap_or_default)
    }

    fn times(&self, before: [Duration; 2], took: Duration, own: Duration) -> Times {
        let [nats, postgres] = self.servers_worked();
        Times {
            took,
            own,
            nats: nats.saturating_sub(before[0]),
            postgres: postgres.saturating_sub(before[1]),
        }
    }

    /// Takes the log away and makes it anew, as the binary would.
    async fn new_log(&self) -> anyhow::Result<()> {
        let delete = format!("{DELETE_STREAM}{}", self.settings.stream);
        self.nats.request(&delete, b"").await;
        EventLog::open(&self.settings).await?;
        Ok(())
    }

    fn next_instant(&mut self) {
        self.at += TimeDelta::seconds(1);
    }
}

#[allow(clippy::cast_precision_loss)] // It is far below 2^52.
fn to_float(number: u64) -> f64 {
    number as f64
}
