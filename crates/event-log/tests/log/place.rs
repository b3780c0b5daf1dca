use std::time::Duration;

use event_log::{EventLog, Novelty, PlaceError, Placed, Record, Settings};
use futures::future::join_all;
use proto_schemas::Recipient;
use test_support::link::{Condition, Link};
use test_support::nats::NatsServer;
use test_support::nats_cluster::NatsCluster;
use uuid::Uuid;

use crate::cluster::{self, until_good};
use crate::{LIMIT, open, payload, record, settings, user};

fn fresh(sequence: u64) -> Placed {
    Placed {
        sequence,
        novelty: Novelty::Fresh,
    }
}

fn known(sequence: u64) -> Placed {
    Placed {
        sequence,
        novelty: Novelty::Known,
    }
}

/// What the log has for a recipient.
async fn all(log: &EventLog, recipient: &Recipient) -> Vec<String> {
    let batch = until_good(async || log.read(recipient, 0, 1_000).await.ok()).await;
    batch
        .messages
        .iter()
        .map(|stored| payload(stored).to_owned())
        .collect()
}

/// That a record is stored on its condition alone, and its id goes before the condition.
async fn check_conditions(log: &EventLog) {
    let first = record(user("ann"), "first");
    assert_eq!(log.place_of(first.id).await.expect("an answer"), None);
    assert_eq!(
        log.append_if_last(&first, Some(0)).await.expect("an answer"),
        fresh(1)
    );
    // Somebody else's do not count.
    assert_eq!(
        log.append_if_last(&record(user("bob"), "his"), Some(0))
            .await
            .expect("an answer"),
        fresh(2)
    );

    let late = record(user("ann"), "late");
    let lost = log
        .append_if_last(&late, Some(0))
        .await
        .expect_err("somebody was faster");
    assert!(matches!(lost, PlaceError::Conflict), "{lost}");
    assert_eq!(
        log.place_of(late.id).await.expect("an answer"),
        None,
        "what lost a race left no trace"
    );
    assert_eq!(
        log.append_if_last(&late, Some(1)).await.expect("an answer"),
        fresh(3)
    );

    for last in [None, Some(0), Some(1), Some(3), Some(99)] {
        assert_eq!(
            log.append_if_last(&first, last).await.expect("an answer"),
            known(1),
            "{last:?}"
        );
    }
    assert_eq!(log.place_of(first.id).await.expect("an answer"), Some(1));
    let mut elsewhere = record(user("bob"), "other words");
    elsewhere.id = first.id;
    assert_eq!(
        log.append_if_last(&elsewhere, Some(2)).await.expect("an answer"),
        known(1)
    );
    let everybody = record(Recipient::Everybody, "news");
    assert_eq!(
        log.append_if_last(&everybody, None).await.expect("an answer"),
        fresh(4)
    );

    assert_eq!(all(log, &user("ann")).await, ["first", "late"]);
    assert_eq!(all(log, &user("bob")).await, ["his"]);
    assert_eq!(all(log, &Recipient::Everybody).await, ["news"]);
}

#[tokio::test]
async fn a_record_is_stored_only_behind_the_last_one_and_its_id_goes_before_that() {
    let server = NatsServer::start().await;
    check_conditions(&open(&server).await).await;
}

#[tokio::test]
async fn so_it_is_in_a_cluster_at_the_leader_and_at_others() {
    let servers = NatsCluster::start(3).await;
    let leaderless = cluster::open(servers.url(0)).await;
    let leader = until_good(async || servers.leader("EVENTS").await).await;
    drop(leaderless);
    check_conditions(&cluster::open(servers.url((leader + 1) % 3)).await).await;
    let logs = join_all((0..3).map(|server| cluster::open(servers.url(server)))).await;
    race(&logs, 60).await;
}

#[tokio::test]
async fn single_messages_are_found_by_recipient_and_by_place() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    assert_eq!(log.last_of(&user("ann")).await.unwrap(), None);
    assert_eq!(log.message(1).await.unwrap(), None);
    let chunk = [
        record(user("ann"), "one"),
        record(user("ann"), "two"),
        record(user("bob"), "his"),
    ];
    log.append(&chunk).await.unwrap();
    let last = log.last_of(&user("ann")).await.unwrap().unwrap();
    assert_eq!((last.sequence, payload(&last)), (2, "two"));
    assert_eq!(last.recipient().unwrap(), user("ann"));
    assert_eq!(log.message(2).await.unwrap(), Some(last));
    assert_eq!(log.message(4).await.unwrap(), None);
}

/// Appends behind the last one that it sees, until it is stored.
async fn append_once(log: EventLog, mut record: Record, id: Uuid) -> u64 {
    record.id = id;
    loop {
        let last = log.last_of(&record.recipient).await.expect("an answer");
        let last = last.map_or(0, |last| last.sequence);
        match log.append_if_last(&record, Some(last)).await {
            Ok(placed) => return placed.sequence,
            Err(PlaceError::Conflict) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Many append at once, each of them the same record at every log, and each record is stored once.
async fn race(logs: &[EventLog], records: usize) {
    let mut appends = Vec::new();
    for number in 0..records {
        let id = Uuid::new_v4();
        for log in logs {
            let append = append_once(log.clone(), record(user("eve"), &number.to_string()), id);
            appends.push(tokio::spawn(async move { (number, append.await) }));
        }
    }
    let mut places = vec![None; records];
    for append in join_all(appends).await {
        let (number, sequence) = append.expect("no panic");
        let place: &mut Option<u64> = &mut places[number];
        assert_eq!(
            *place.get_or_insert(sequence),
            sequence,
            "everybody hears the same place"
        );
    }
    let stored = all(&logs[0], &user("eve")).await;
    assert_eq!(stored.len(), records);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_who_append_behind_the_same_message_one_succeeds_and_all_do_in_the_end() {
    let server = NatsServer::start().await;
    race(&[open(&server).await, open(&server).await], 60).await;
}

#[tokio::test]
async fn a_record_whose_ack_is_lost_is_stored_once_and_its_place_is_answered() {
    let server = NatsServer::start().await;
    let watcher = open(&server).await;
    let link = Link::to(server.address()).await;
    let log = EventLog::open(&Settings {
        url: format!("nats://{}", link.address()),
        // Waiting for an ack that cannot come would be the failure.
        ack_timeout: 2 * LIMIT,
        ..settings(&server)
    })
    .await
    .unwrap();
    // Slow enough to be cut while the ack is on its way back.
    link.set(Condition::Slow(Duration::from_millis(300)));
    let lost = record(user("ann"), "once");
    let append = tokio::spawn({
        let (log, lost) = (log.clone(), lost.clone());
        async move { log.append_if_last(&lost, Some(0)).await }
    });
    let stored = until_good(async || watcher.last_of(&user("ann")).await.ok().flatten()).await;
    assert!(!append.is_finished(), "the cut was meant to take the ack");
    link.cut();
    // Others go on meanwhile.
    watcher.append(&[record(user("ann"), "since")]).await.unwrap();
    link.set(Condition::Open);
    let placed = tokio::time::timeout(LIMIT, append)
        .await
        .expect("it ends in time");
    assert_eq!(placed.unwrap().unwrap(), known(stored.sequence));
    assert_eq!(all(&watcher, &user("ann")).await, ["once", "since"]);
}

#[tokio::test]
async fn an_id_is_known_after_the_server_was_killed() {
    let mut server = NatsServer::start().await;
    let log = open(&server).await;
    let first = record(user("ann"), "first");
    log.append_if_last(&first, Some(0)).await.unwrap();
    server.kill().await;
    until_good(async || log.last_of(&user("ann")).await.err()).await;
    let lost = log
        .append_if_last(&record(user("ann"), "lost"), Some(1))
        .await
        .unwrap_err();
    assert!(matches!(lost, PlaceError::Unconfirmed { .. }), "{lost}");
    server.restart().await;
    let again = until_good(async || log.append_if_last(&first, Some(0)).await.ok()).await;
    assert_eq!(again, known(1));
    assert_eq!(
        all(&log, &user("ann")).await,
        ["first"],
        "what was given up is not sent later"
    );
}

#[tokio::test]
async fn a_record_that_cannot_be_stored_is_refused_before_it_is_sent() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let empty = log
        .append_if_last(&record(user("ann"), ""), None)
        .await
        .unwrap_err();
    assert!(matches!(empty, PlaceError::Empty { .. }), "{empty}");
    let large = record(user("ann"), &"x".repeat(16 * 1024 + 1));
    let large = log.append_if_last(&large, None).await.unwrap_err();
    assert!(
        matches!(
            large,
            PlaceError::TooLarge {
                bytes: 16_385,
                limit: 16_384,
                ..
            }
        ),
        "{large}"
    );
    assert_eq!(log.bounds().await.unwrap().last_sequence, 0);
}
