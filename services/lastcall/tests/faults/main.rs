//! Two edges behind a proxy, thousands of clients and a steady stream of events, while everything fails that can: each client
//! is told what the log holds for it, once and in order, or of the gap where the log itself lost something.
//!
//! `FAULT_SECONDS` says for how long (two minutes), `FAULT_SEED` which faults: a run prints its seed. `FAULT_CLIENTS` says
//! how many clients there are (2,000).

mod appender;
mod deployment;
mod edge_process;
mod open_files;
mod resumed;
mod rolling;
mod schedule;
mod timeline;
mod tokens;
mod verdict;

use std::str::FromStr;
use std::time::{Duration, Instant, SystemTime};

use test_support::crowd::Crowd;
use test_support::random::Random;
use tokio::sync::{Mutex, watch};

use crate::appender::Appender;
use crate::deployment::Deployment;
use crate::schedule::Schedule;

/// Each of these tests takes most of the machine.
static ALONE: Mutex<()> = Mutex::const_new(());

const CLIENTS: usize = 2_000;

/// One edge keeps everything in its window; the other one less than two seconds, so that it often has to ask the log.
const EDGES: [&[&str]; 2] = [
    &[
        "--set=edge.heartbeat=3s",
        "--set=edge.retry_min=500ms",
        "--set=edge.retry_max=3s",
        "--set=edge.drain=4s",
    ],
    &[
        "--set=edge.heartbeat=3s",
        "--set=edge.retry_min=500ms",
        "--set=edge.retry_max=3s",
        "--set=edge.drain=2s",
        "--set=edge.window_bytes=250000",
        "--set=edge.replay_batch=5",
    ],
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_or_cut_every_client_is_told_everything_once_and_in_order() {
    let _alone = ALONE.lock().await;
    let seed = given("FAULT_SEED").unwrap_or_else(any_seed);
    let length = Duration::from_secs(given("FAULT_SECONDS").unwrap_or(120));
    let clients = open_files::room_for(given("FAULT_CLIENTS").unwrap_or(CLIENTS));
    println!("FAULT_SEED={seed}: {clients} clients for {length:?}");
    let random = Random::new(seed);
    let Some(deployment) = Deployment::start(&format!("faults-{seed}"), &EDGES).await else {
        return;
    };
    // More people than have clients: what is for them must not reach anybody.
    let people = Deployment::people(clients) * 11 / 10;
    let appender = Appender::new(&deployment, people, random.branch(0)).await;
    let crowd = deployment.crowd(clients, &random.branch(1)).await;

    let appender = fail(&deployment, &crowd, appender, length, &random.branch(2)).await;
    let behind = deployment.catch_up(&crowd).await;
    deployment
        .timeline
        .note(format!("{behind} clients have not caught up"));
    deployment.count().await;
    let histories = crowd.end().await;
    let totals = verdict::judge(&histories, &deployment);
    println!("{} events appended; {totals}", appender.count());
    println!("{}", deployment.timeline.faults());
    assert_eq!(behind, 0, "clients that have not caught up");
    deployment.check_log();
    let replayed = deployment.replayed();
    println!("replayed from windows and from the log: {replayed:?}");
    assert!(
        replayed.iter().all(|events| *events > 0),
        "both ways of coming back"
    );
}

/// Appends and makes faults for so long, then ends all faults, and appends the last event of all.
async fn fail<'a>(
    deployment: &'a Deployment,
    crowd: &Crowd,
    appender: Appender<'a>,
    length: Duration,
    random: &Random,
) -> Appender<'a> {
    let schedule = Schedule::new(deployment, crowd, Instant::now() + length);
    let (end, ended) = watch::channel(false);
    let faults = async {
        schedule.run(random).await;
        deployment.heal().await;
        deployment.timeline.note("all faults are over");
        end.send_replace(true);
    };
    let (mut appender, ()) = tokio::join!(appender.run(ended), faults);
    appender.append_last().await;
    appender
}

/// What the environment says.
fn given<T: FromStr>(variable: &str) -> Option<T> {
    let text = std::env::var(variable).ok()?;
    let Ok(value) = text.parse() else {
        panic!("{variable}={text} is no number");
    };
    Some(value)
}

fn any_seed() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or_default()
}
