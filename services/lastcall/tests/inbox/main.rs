//! Five clients of one person do what comes to their minds, while processes are killed and networks fail. In the end all of
//! them see what a replay of the log gives, and no answer on the way contradicted itself.
//!
//! `INBOX_SEED` has a run again, `INBOX_SECONDS` makes it longer.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

mod client;
mod replay;
mod site;

use std::time::{Duration, Instant};

use test_support::lastcall::eventually;
use test_support::link::Condition;
use test_support::random::Random;

use client::Client;
use replay::Replay;
use site::Site;

const CLIENTS: usize = 5;

/// Long enough for each process to be killed several times.
const SECONDS: u64 = 25;

/// What the person is told meanwhile. All of it fits on one page, so that lists and counts can be compared.
const TOLD: usize = 120;

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_all_clients_end_in_the_state_that_a_replay_of_the_log_gives() {
    let seed = number("INBOX_SEED", u64::from(std::process::id()));
    let duration = Duration::from_secs(number("INBOX_SECONDS", SECONDS));
    println!("INBOX_SEED={seed}");
    let random = Random::new(seed);
    let site = Site::start().await;
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        clients.push(Client::of(&site, number, random.branch(number as u64)).await);
    }

    let until = Instant::now() + duration;
    let telling = site.tell(TOLD, duration, random.branch(100));
    let failing = site.fail(
        until,
        random.branch(101),
        clients.iter().map(|client| &client.link),
    );
    let acting = futures::future::join_all(clients.iter().map(|client| client.act(until)));
    tokio::join!(telling, failing, acting);

    clients.iter().for_each(|client| client.link.set(Condition::Open));
    site.heal().await;
    for client in &clients {
        client.finish().await;
    }
    let log = site.log().await;
    let replay = Replay::of(&log);
    let last = log.last().expect("a log with messages").sequence;
    for client in &clients {
        let shown = eventually("the list is current", async || client.list(Some(last)).await).await;
        assert_eq!(shown.lines, replay.lines(), "seed {seed}");
        assert_eq!(shown.counts, replay.counts(), "seed {seed}");
        client.check_answers(&log);
    }
    let done: usize = clients.iter().map(Client::answered).sum();
    println!(
        "{done} changes were answered, {} are in the log of {last} messages; faults: {}",
        replay.changes,
        site.faults()
    );
    assert!(replay.changes > 20, "hardly anything was done");
    assert!(site.faults() > 5, "hardly anything failed");
}
