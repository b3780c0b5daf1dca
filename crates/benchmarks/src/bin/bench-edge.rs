//! Holds many streams on our edge, on nchan and on a bare writer, in turns, and measures what they take and how fast they
//! are.

use std::path::PathBuf;
use std::time::Instant;

use benchmarks::edge_report::{BARE, Measured, NCHAN, OURS, headings, line};
use benchmarks::phase::storm::{self, Storm};
use benchmarks::phase::{Setup, round, stalled};
use benchmarks::server::cores::Places;
use benchmarks::server::nchan::Nchan;
use benchmarks::server::{bare_writer, lastcall_edge};
use benchmarks::{binary, machine, open_files};
use clap::{Parser, Subcommand};

/// Descriptors that a process needs besides those of its streams.
const OTHER_FILES: u64 = 200;

const EXPLANATION: &str = "\
The servers take turns on one core, each started anew; clients and publisher have another one, and nats-server, with GOGC=400, both.
In each round a server holds all streams, idle; then it gets broadcasts, each when everybody has the one before, and then for
ten seconds 20,000 events a second, each for one person. Then come storms (all clients lose their edge, miss ten events each and come back at once,
ours to another edge) and clients that stop reading.

Servers are compared within a round and the median of the rounds counts, so that a busy machine meets all of them. Give it
a quiet machine nevertheless: the clients' latency is its latency.

The last line is one JSON object:
  idle_bytes_per_stream   resident memory of a stream of ours, before or after traffic, whichever is more
  fanout_vs_nchan         broadcast deliveries a second, ours through nchan's; more is better
  fanout_vs_epoll         the same through a bare writer's, which does nothing but send
  unicast_p99_vs_nchan    99th percentile from publishing to receipt; less is better
  unicast_cpu_vs_nchan    processor time of the server for an event (nats-server's is in the table)
  storm_time_vs_nchan     until everybody has caught up; less is better
  lost, duplicated        events over all phases of ours, by the numbers that each client saw

It needs nginx with nchan (deploy/tools/nchan.sh) and as many open files as there are streams (ulimit -n).";

/// Measure the edge beside nchan and a bare writer, with many streams.
#[derive(Debug, Parser)]
#[command(after_long_help = EXPLANATION, args_conflicts_with_subcommands = true)]
struct Args {
    /// How many streams there are.
    #[arg(long, default_value_t = 19_500, value_parser = clap::value_parser!(u32).range(100..=200_000))]
    streams: u32,

    /// How often each thing is measured; the median counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=50))]
    rounds: u32,

    /// The binary to measure, rather than the one beside this program.
    #[arg(long, value_name = "PATH")]
    lastcall: Option<PathBuf>,

    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Be the bare writer.
    #[command(name = bare_writer::COMMAND, hide = true)]
    BareWriter,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    open_files::raise()?;
    if let Some(Role::BareWriter) = args.role {
        return bare_writer::run();
    }
    let description = machine::description();
    let setup = setup(&args)?;
    println!("{description}; {}", Nchan::version()?);
    let began = Instant::now();
    let progress = |what: &str| eprintln!("{:>4} s  {}", began.elapsed().as_secs(), what.trim_end());
    let mut measured = Measured::default();
    for round in 1..=args.rounds {
        progress(&format!("round {round} of {}: {}", args.rounds, headings()));
        run_round(&setup, &mut measured, &progress)?;
    }
    for round in 1..=args.rounds {
        let (ours, nchan) = run_storm(&setup, &mut measured)?;
        let took = format!("{:.3?}, nchan {:.3?}", ours.took, nchan.took);
        progress(&format!(
            "storm {round} of {}: everybody has caught up after {took}",
            args.rounds
        ));
    }
    progress(&format!(
        "{} clients read, and {} more are to come",
        stalled::READING,
        stalled::STALLED
    ));
    let (stalled, faults) = stalled::measure(&setup, &progress)?;
    measured.stalled = Some(stalled);
    measured.faults = measured.faults.and(faults);
    progress("done");
    println!("{}", measured.table());
    println!("{}", serde_json::to_string(&measured.figures())?);
    Ok(())
}

fn setup(args: &Args) -> anyhow::Result<Setup> {
    let lastcall = binary::measured(args.lastcall.clone())?;
    Nchan::binary()?;
    let streams = usize::try_from(args.streams)?;
    let clients = streams.max(stalled::STALLED + stalled::READING);
    open_files::ensure(clients as u64 + OTHER_FILES)?;
    Ok(Setup {
        places: Places::take()?,
        lastcall,
        streams,
        tokens: lastcall_edge::tokens(clients + 1)?,
    })
}

fn run_round(setup: &Setup, measured: &mut Measured, progress: &impl Fn(&str)) -> anyhow::Result<()> {
    let (ours, faults) = round::ours(setup)?;
    progress(&line(OURS, &[ours]));
    let nchan = round::nchan(setup)?;
    progress(&line(NCHAN, &[nchan]));
    let bare = round::bare(setup)?;
    progress(&line(BARE, &[bare]));
    measured.faults = measured.faults.and(faults);
    measured.ours.push(ours);
    measured.nchan.push(nchan);
    measured.bare.push(bare);
    Ok(())
}

fn run_storm(setup: &Setup, measured: &mut Measured) -> anyhow::Result<(Storm, Storm)> {
    let (ours, meanwhile, faults) = storm::ours(setup)?;
    meanwhile.none_was_served_by_it(setup.streams)?;
    let nchan = storm::nchan(setup)?;
    measured.faults = measured.faults.and(faults);
    measured.our_storms.push(ours);
    measured.meanwhile.push(meanwhile);
    measured.nchan_storms.push(nchan);
    Ok((ours, nchan))
}
