//! A rolling restart: each edge is told to end and replaced, one after the other, under load.

use std::time::Duration;

use test_support::history::{History, What};
use test_support::random::Random;
use tokio::sync::watch;

use crate::appender::Appender;
use crate::deployment::Deployment;
use crate::{ALONE, open_files, verdict};

const CLIENTS: usize = 1_000;

/// Over how long each edge sends its clients away, in seconds.
const DRAIN: usize = 12;

const SETTINGS: &[&str] = &[
    "--set=edge.drain=12s",
    "--set=edge.heartbeat=5s",
    "--set=edge.retry_min=500ms",
    "--set=edge.retry_max=2s",
];

/// Clients come one by one, and not as evenly as they are sent away: jitter, and a machine that is busy with other things.
/// Were they sent away all at once, it would be `DRAIN` times the even rate, or two thirds of that with their jitter.
const UNEVENNESS: usize = 4;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_of_four_edges_brings_clients_back_at_a_bounded_rate_and_loses_nothing() {
    let _alone = ALONE.lock().await;
    let clients = open_files::room_for(CLIENTS);
    let Some(deployment) = Deployment::start("rolling-restart", &[SETTINGS; 4]).await else {
        return;
    };
    let random = Random::new(1);
    let appender = Appender::new(&deployment, Deployment::people(clients), random.branch(0)).await;
    let crowd = deployment.crowd(clients, &random.branch(1)).await;
    let (end, ended) = watch::channel(false);
    let restarts = async {
        let mut restarts = Vec::new();
        for edge in &deployment.edges {
            let from = deployment.timeline.begun.elapsed();
            edge.replace(&deployment.timeline).await;
            edge.ready().await;
            restarts.push((edge.name.as_str(), from, deployment.timeline.begun.elapsed()));
        }
        end.send_replace(true);
        restarts
    };
    let (mut appender, restarts) = tokio::join!(appender.run(ended), restarts);
    appender.append_last().await;
    assert_eq!(
        deployment.catch_up(&crowd).await,
        0,
        "clients that have not caught up"
    );
    let histories = crowd.end().await;
    let totals = verdict::judge(&histories, &deployment);

    let instants = connects(&histories);
    for (name, from, to) in restarts {
        let returned: Vec<Duration> = instants
            .iter()
            .copied()
            .filter(|at| (from..=to).contains(at))
            .collect();
        let most = most_in_a_second(&returned);
        let even = returned.len().div_ceil(DRAIN);
        println!(
            "{name}: {} came back, at most {most} in a second; evenly, {even}",
            returned.len()
        );
        assert!(
            most <= even * UNEVENNESS,
            "{name}: {most} in a second, of {}",
            returned.len()
        );
    }
    let returned = totals.connections - clients;
    println!(
        "{returned} reconnects of {clients} clients, {} deliveries checked",
        totals.events
    );
    assert!(returned >= clients, "every edge was replaced");
    assert_eq!(totals.gaps, 0);
}

/// When clients connected, in order.
fn connects(histories: &[History]) -> Vec<Duration> {
    let entries = histories.iter().flat_map(|history| &history.entries);
    let connects = entries.filter(|entry| matches!(entry.what, What::Connects { .. }));
    let mut instants: Vec<Duration> = connects.map(|entry| entry.at).collect();
    instants.sort_unstable();
    instants
}

/// The most of these instants, which are in order, that lie within one second.
fn most_in_a_second(instants: &[Duration]) -> usize {
    let within = |(index, from): (usize, &Duration)| {
        let end = instants.partition_point(|at| *at < *from + SECOND);
        end - index
    };
    instants.iter().enumerate().map(within).max().unwrap_or(0)
}
