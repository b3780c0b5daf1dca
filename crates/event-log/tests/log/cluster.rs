//! A log of three replicas, of which one is behind.

use std::time::Duration;

use chrono::{DateTime, Utc};
use event_log::{EventLog, ReadError, Record, Settings};
use futures::future::join_all;
use test_support::nats_cluster::NatsCluster;

use crate::{LIMIT, payload, record, user};

const STREAM: &str = "EVENTS";

/// Shorter than a replica takes to catch up.
const PAUSE: Duration = Duration::from_millis(2);

/// What a replica has to catch up with: some tens of megabytes, so that it takes long enough to be asked meanwhile. The
/// events of ann are small and lie among them.
fn burst() -> Vec<Record> {
    let others = "x".repeat(15_000);
    let record = |number: u32| match number % 100 {
        50 => record(user("ann"), &number.to_string()),
        _ => record(user("bob"), &others),
    };
    (0..4_000).map(record).collect()
}

pub(crate) async fn open(url: String) -> EventLog {
    let settings = Settings {
        url,
        replicas: 3,
        ack_timeout: Duration::from_secs(5),
        ..Settings::default()
    };
    // Servers that have just chosen their leader may not all have heard of each other.
    until_good(async || EventLog::open(&settings).await.ok()).await
}

pub(crate) async fn until_good<T>(attempt: impl AsyncFn() -> Option<T>) -> T {
    let good = async {
        loop {
            if let Some(good) = attempt().await {
                return good;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(LIMIT, good)
        .await
        .expect("the cluster answers in time")
}

/// Everything there is for ann after a position, as a client gets it that fell behind the window.
async fn read_on(log: &EventLog, after: u64) -> Vec<String> {
    let (mut read, mut position) = (Vec::new(), after);
    loop {
        let batch = until_good(async || match log.read(&user("ann"), position, 1_000).await {
            Ok(batch) => Some(batch),
            Err(ReadError::Behind | ReadError::TimedOut) => None,
            Err(error) => panic!("{error}"),
        });
        let batch = batch.await;
        position = batch.messages.last().map_or(position, |last| last.sequence);
        read.extend(batch.messages.iter().map(|stored| payload(stored).to_owned()));
        if !batch.more {
            return read;
        }
    }
}

async fn last_before(log: &EventLog, instant: DateTime<Utc>) -> u64 {
    until_good(async || log.last_sequence_before(instant).await.ok()).await
}

#[tokio::test]
async fn a_replica_that_is_behind_hides_nothing() {
    let cluster = NatsCluster::start(3).await;
    drop(open(cluster.url(0)).await);
    let leader = until_good(async || cluster.leader(STREAM).await).await;
    let log = open(cluster.url(leader)).await;
    let burst = burst();
    let small = burst.iter().filter(|record| record.recipient == user("ann"));
    let expected: Vec<_> = small
        .map(|record| String::from_utf8_lossy(&record.payload))
        .collect();
    for round in 0..4 {
        let position = log.bounds().await.expect("the leader answers").last_sequence;
        let (behind, before) = ((leader + 1 + round % 2) % 3, Utc::now());
        cluster.hold(behind);
        let again = burst
            .iter()
            .map(|old| record(old.recipient.clone(), &String::from_utf8_lossy(&old.payload)));
        let appended = log.append(&again.collect::<Vec<_>>()).await;
        cluster.release(behind);
        appended.expect("two of three are enough");
        // Who answers is a matter of chance.
        let readers = (0..8).map(async |reader| {
            for turn in 0..15 {
                let mut read = read_on(&log, position).await;
                read.sort_by_key(|number| number.parse::<u32>().ok());
                assert_eq!(read, expected, "round {round}, reader {reader}, turn {turn}");
                assert_eq!(last_before(&log, before).await, position);
            }
        });
        join_all(readers).await;
    }
}
