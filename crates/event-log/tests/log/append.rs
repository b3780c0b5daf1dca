use std::collections::HashSet;
use std::time::Duration;

use event_log::{AppendError, Appended, EventLog, Settings};
use test_support::nats::NatsServer;

use crate::{LIMIT, numbered, open, payload, settings, take, until_stored, user};

#[tokio::test]
async fn a_chunk_is_stored_in_its_order() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let appended = log.append(&numbered(0..3_000)).await.unwrap();
    assert_eq!(
        appended,
        Appended {
            emitted: 3_000,
            already_emitted: 0
        }
    );
    let stored = take(&mut log.follow(0), 3_000).await;
    for (number, stored) in stored.iter().enumerate() {
        assert_eq!(payload(stored), number.to_string());
        assert_eq!(stored.recipient().unwrap(), user("ann"));
    }
}

#[tokio::test]
async fn a_second_append_emits_nothing_even_by_another_process_after_the_server_was_killed() {
    let mut server = NatsServer::start().await;
    let chunk = numbered(0..500);
    let first = open(&server).await.append(&chunk).await.unwrap();
    assert_eq!(
        first,
        Appended {
            emitted: 500,
            already_emitted: 0
        }
    );
    server.kill().await;
    server.restart().await;
    let log = open(&server).await;
    let second = log.append(&chunk).await.unwrap();
    assert_eq!(
        second,
        Appended {
            emitted: 0,
            already_emitted: 500
        }
    );
    assert_eq!(log.bounds().await.unwrap().last_sequence, 500);
}

#[tokio::test]
async fn a_server_killed_in_the_middle_of_an_append_neither_loses_nor_doubles() {
    const COUNT: u32 = 40_000;
    let mut server = NatsServer::start().await;
    let log = open(&server).await;
    let watcher = open(&server).await;
    let chunk = numbered(0..COUNT);
    let append = tokio::spawn({
        let (log, chunk) = (log.clone(), chunk.clone());
        async move { log.append(&chunk).await }
    });
    until_stored(&watcher, 1_000).await;
    server.kill().await;
    assert!(!append.is_finished(), "the kill was meant to hit the append");
    server.restart().await;
    let appended = append.await.unwrap().unwrap();
    assert_eq!(appended.emitted + appended.already_emitted, u64::from(COUNT));
    assert_eq!(log.bounds().await.unwrap().last_sequence, u64::from(COUNT));
    let stored = take(&mut log.follow(0), COUNT as usize).await;
    let distinct: HashSet<&str> = stored.iter().map(payload).collect();
    assert_eq!(distinct.len(), COUNT as usize);
    let again = log.append(&chunk).await.unwrap();
    assert_eq!(
        again,
        Appended {
            emitted: 0,
            already_emitted: u64::from(COUNT)
        }
    );
}

#[tokio::test]
async fn an_append_without_a_server_ends_and_says_how_much_is_confirmed() {
    let mut server = NatsServer::start().await;
    let patience = Duration::from_millis(100);
    let log = EventLog::open(&Settings {
        ack_timeout: patience,
        ..settings(&server)
    })
    .await
    .unwrap();
    log.append(&numbered(0..1)).await.unwrap();
    server.kill().await;
    // More than the connection can hold back while there is no server.
    let error = log.append(&numbered(0..10_000)).await.unwrap_err();
    assert!(
        matches!(
            error,
            AppendError::Unconfirmed {
                confirmed: 0,
                total: 10_000,
                ..
            }
        ),
        "{error}: {:?}",
        std::error::Error::source(&error)
    );
}

#[tokio::test]
async fn many_appends_at_once_share_the_acks_in_flight_and_all_end() {
    let server = NatsServer::start().await;
    let log = EventLog::open(&Settings {
        in_flight: 10,
        ..settings(&server)
    })
    .await
    .unwrap();
    let appends = (0..16).map(|_| {
        let log = log.clone();
        tokio::spawn(async move { log.append(&numbered(0..200)).await })
    });
    for append in appends.collect::<Vec<_>>() {
        assert_eq!(append.await.unwrap().unwrap().emitted, 200);
    }
    assert_eq!(log.bounds().await.unwrap().last_sequence, 3_200);
}

#[tokio::test]
async fn appends_at_once_each_keep_their_order() {
    const APPENDS: u32 = 4;
    const EACH: u32 = 5_000;
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let appends = (0..APPENDS).map(|append| {
        let log = log.clone();
        tokio::spawn(async move { log.append(&numbered(append * EACH..(append + 1) * EACH)).await })
    });
    for append in appends.collect::<Vec<_>>() {
        assert_eq!(append.await.unwrap().unwrap().emitted, u64::from(EACH));
    }
    let stored = take(&mut log.follow(0), (APPENDS * EACH) as usize).await;
    let numbers: Vec<u32> = stored
        .iter()
        .map(|stored| payload(stored).parse().unwrap())
        .collect();
    for append in 0..APPENDS {
        let of_one: Vec<_> = numbers
            .iter()
            .filter(|number| **number / EACH == append)
            .collect();
        assert!(
            of_one.is_sorted(),
            "the records of append {append} changed places"
        );
    }
}

#[tokio::test]
async fn appends_at_once_go_on_after_a_restart_without_waiting_for_acks_that_cannot_come() {
    const APPENDS: u32 = 3;
    const EACH: u32 = 15_000;
    let mut server = NatsServer::start().await;
    let log = EventLog::open(&Settings {
        // Waiting for one of these would be the failure.
        ack_timeout: 2 * LIMIT,
        ..settings(&server)
    })
    .await
    .unwrap();
    let watcher = open(&server).await;
    let appends: Vec<_> = (0..APPENDS)
        .map(|append| {
            let log = log.clone();
            tokio::spawn(async move { log.append(&numbered(append * EACH..(append + 1) * EACH)).await })
        })
        .collect();
    until_stored(&watcher, 1_000).await;
    server.kill().await;
    let under_way = appends.iter().filter(|append| !append.is_finished()).count();
    assert!(under_way > 0, "the kill was meant to hit the appends");
    server.restart().await;
    for append in appends {
        let appended = tokio::time::timeout(LIMIT, append)
            .await
            .expect("it ends in time");
        assert_eq!(appended.unwrap().unwrap().confirmed(), u64::from(EACH));
    }
    assert_eq!(
        log.bounds().await.unwrap().last_sequence,
        u64::from(APPENDS * EACH)
    );
}

#[tokio::test]
async fn a_dropped_append_holds_none_of_the_acks_in_flight() {
    let mut server = NatsServer::start().await;
    let log = EventLog::open(&Settings {
        in_flight: 10,
        ack_timeout: 2 * LIMIT,
        ..settings(&server)
    })
    .await
    .unwrap();
    server.kill().await;
    for _ in 0..3 {
        let unanswered = tokio::time::timeout(Duration::from_millis(100), log.append(&numbered(0..50))).await;
        assert!(unanswered.is_err(), "there is no server");
    }
    server.restart().await;
    let appended = tokio::time::timeout(LIMIT, log.append(&numbered(0..100))).await;
    assert_eq!(appended.expect("there is room").unwrap().emitted, 100);
}
