use std::time::Duration;

use event_log::{EventLog, FollowError, Replaced, Settings};
use test_support::link::{Condition, Link};
use test_support::nats::NatsServer;

use crate::{LIMIT, numbered, open, payload, record, settings, take, user};

#[tokio::test]
async fn a_follower_starts_behind_its_position_and_gets_what_comes() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    log.append(&numbered(0..10)).await.unwrap();
    let mut follow = log.follow(7);
    let stored = take(&mut follow, 3).await;
    assert_eq!(
        stored.iter().map(|stored| stored.sequence).collect::<Vec<_>>(),
        [8, 9, 10]
    );
    log.append(&[record(user("ann"), "live")]).await.unwrap();
    assert_eq!(payload(&take(&mut follow, 1).await[0]), "live");
    assert_eq!(follow.position(), 11);
}

#[tokio::test]
async fn a_follower_survives_kills_of_the_server_without_gap_or_double() {
    const ROUNDS: u32 = 3;
    const ROUND: u32 = 5_000;
    let mut server = NatsServer::start().await;
    let log = open(&server).await;
    let follower = tokio::spawn({
        let mut follow = log.follow(0);
        async move { take(&mut follow, (ROUNDS * ROUND) as usize).await }
    });
    for round in 0..ROUNDS {
        let append = tokio::spawn({
            let log = log.clone();
            async move { log.append(&numbered(round * ROUND..(round + 1) * ROUND)).await }
        });
        tokio::task::yield_now().await;
        server.kill().await;
        server.restart().await;
        append.await.unwrap().unwrap();
    }
    let stored = follower.await.unwrap();
    let mut numbers: Vec<u32> = stored
        .iter()
        .map(|stored| payload(stored).parse().unwrap())
        .collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..ROUNDS * ROUND));
}

#[tokio::test]
async fn a_quiet_follower_that_has_seen_nothing_yet_goes_on_after_a_restart_where_it_was_told_to_begin() {
    let mut server = NatsServer::start().await;
    let log = open(&server).await;
    log.append(&numbered(0..100)).await.unwrap();
    let mut follow = log.follow(100);
    let quiet = tokio::time::timeout(Duration::from_millis(300), follow.next()).await;
    assert!(quiet.is_err(), "nothing is there to be had");
    server.restart().await;
    log.append(&[record(user("ann"), "after")]).await.unwrap();
    let stored = take(&mut follow, 1).await;
    assert_eq!((stored[0].sequence, payload(&stored[0])), (101, "after"));
}

#[tokio::test]
async fn giving_up_a_wait_loses_nothing() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let append = tokio::spawn({
        let log = log.clone();
        async move { log.append(&numbered(0..2_000)).await }
    });
    let mut follow = log.follow(0);
    let mut seen = Vec::new();
    while seen.len() < 2_000 {
        if let Ok(stored) = tokio::time::timeout(Duration::from_micros(50), follow.next()).await {
            seen.push(stored.unwrap().sequence);
        }
    }
    append.await.unwrap().unwrap();
    assert!(seen.into_iter().eq(1..=2_000));
}

#[tokio::test]
async fn a_position_ahead_of_the_log_is_a_named_error() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    log.append(&numbered(0..5)).await.unwrap();
    let error = log.follow(6).next().await.unwrap_err();
    assert_eq!(
        error,
        FollowError::BehindCheckpoint {
            position: 6,
            last_sequence: 5
        }
    );
}

#[tokio::test]
async fn a_log_that_lost_its_last_messages_under_a_follower_is_a_named_error() {
    let mut server = NatsServer::start().await;
    let log = open(&server).await;
    log.append(&numbered(0..10)).await.unwrap();
    let snapshot = server.snapshot_of_now().await;
    let mut follow = log.follow(0);
    log.append(&numbered(10..20)).await.unwrap();
    take(&mut follow, 20).await;
    server.restart_from(&snapshot).await;
    let error = tokio::time::timeout(LIMIT, follow.next())
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(
        error,
        FollowError::BehindCheckpoint {
            position: 20,
            last_sequence: 10
        }
    );
}

#[tokio::test]
async fn a_log_that_lost_its_last_messages_and_has_grown_over_the_position_since_is_a_named_error() {
    let mut server = NatsServer::start().await;
    let log = open(&server).await;
    log.append(&numbered(0..10)).await.unwrap();
    let snapshot = server.snapshot_of_now().await;
    log.append(&numbered(10..20)).await.unwrap();
    let network = Link::to(server.address()).await;
    let far = Settings {
        url: format!("nats://{}", network.address()),
        ..settings(&server)
    };
    let mut follow = EventLog::open(&far).await.unwrap().follow(0);
    take(&mut follow, 20).await;
    // Others are faster.
    network.set(Condition::Down);
    server.restart_from(&snapshot).await;
    log.append(&numbered(20..50)).await.unwrap();
    network.set(Condition::Open);
    let error = tokio::time::timeout(LIMIT, follow.next())
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(
        error,
        FollowError::BehindCheckpoint {
            position: 20,
            last_sequence: 10
        }
    );
}

#[tokio::test]
async fn a_log_that_was_replaced_under_a_follower_is_a_named_error() {
    let mut server = NatsServer::start().await;
    let log = open(&server).await;
    log.append(&numbered(0..10)).await.unwrap();
    let mut follow = log.follow(0);
    take(&mut follow, 10).await;
    server.restart_empty().await;
    let replacement = open(&server).await;
    replacement.append(&numbered(0..20)).await.unwrap();
    let error = tokio::time::timeout(LIMIT, follow.next())
        .await
        .unwrap()
        .unwrap_err();
    let replaced = Replaced {
        expected: log.epoch().clone(),
        found: Some(replacement.epoch().clone()),
    };
    assert_eq!(error, FollowError::Replaced(replaced));
    assert!(log.bounds().await.is_err());
}

#[tokio::test]
async fn a_message_published_by_hand_passes_as_what_it_is_and_stops_nobody() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let by_hand = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    by_hand
        .publish("evt.user.not%encoded", "by hand".into())
        .await
        .unwrap()
        .await
        .unwrap();
    by_hand
        .publish("evt.all", "".into())
        .await
        .unwrap()
        .await
        .unwrap();
    log.append(&[record(user("ann"), "ours")]).await.unwrap();
    let stored = take(&mut log.follow(0), 3).await;
    assert!(stored[0].recipient().is_err());
    assert_eq!(
        (&*stored[0].subject, payload(&stored[0])),
        ("evt.user.not%encoded", "by hand")
    );
    assert!(stored[1].payload.is_empty());
    assert_eq!(payload(&stored[2]), "ours");
}

#[tokio::test]
async fn the_log_is_followed_before_there_is_anything_in_it() {
    let server = NatsServer::start().await;
    let log = event_log::EventLog::open(&settings(&server)).await.unwrap();
    let mut follow = log.follow(0);
    let first = tokio::spawn(async move { take(&mut follow, 1).await });
    log.append(&[record(user("ann"), "first")]).await.unwrap();
    assert_eq!(first.await.unwrap()[0].sequence, 1);
}
