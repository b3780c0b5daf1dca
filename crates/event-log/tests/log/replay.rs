use std::time::{Duration, Instant};

use chrono::Utc;
use event_log::{EventLog, ReadError, Settings};
use proto_schemas::Recipient;
use test_support::nats::NatsServer;

use crate::{numbered, open, payload, record, settings, user};

#[tokio::test]
async fn a_read_has_exactly_what_one_recipient_missed() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    // The names come near each other's subjects; one of them has to be encoded.
    let names = ["ann", "ann-2", "김민수 *.>", "all"];
    for round in 0..5 {
        for name in names {
            log.append(&[record(user(name), &format!("{name} {round}"))])
                .await
                .unwrap();
        }
        log.append(&[record(Recipient::Everybody, &format!("everybody {round}"))])
            .await
            .unwrap();
    }
    for name in names {
        let batch = log.read(&user(name), 0, 100).await.unwrap();
        let expected: Vec<String> = (0..5).map(|round| format!("{name} {round}")).collect();
        assert_eq!(batch.messages.iter().map(payload).collect::<Vec<_>>(), expected);
        assert!(
            batch
                .messages
                .iter()
                .all(|stored| stored.recipient().unwrap() == user(name))
        );
        assert!(!batch.more);
    }
    let everybody = log.read(&Recipient::Everybody, 0, 100).await.unwrap();
    assert_eq!(everybody.messages.len(), 5);
    let late = log
        .read(&user("ann"), everybody.messages[2].sequence, 100)
        .await
        .unwrap();
    assert_eq!(
        late.messages.iter().map(payload).collect::<Vec<_>>(),
        ["ann 3", "ann 4"]
    );
}

#[tokio::test]
async fn a_read_says_whether_there_is_more_at_exactly_the_limit_and_beside_it() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    log.append(&numbered(0..10)).await.unwrap();
    for (limit, expected, more) in [(1, 1, true), (9, 9, true), (10, 10, false), (11, 10, false)] {
        let batch = log.read(&user("ann"), 0, limit).await.unwrap();
        assert_eq!(
            (batch.messages.len(), batch.more),
            (expected, more),
            "limit {limit}"
        );
    }
    for after in [10, 11, u64::MAX - 1, u64::MAX] {
        let batch = log.read(&user("ann"), after, 10).await.unwrap();
        assert!(batch.messages.is_empty() && !batch.more, "after {after}");
    }
    assert!(
        log.read(&user("nobody"), 0, 10)
            .await
            .unwrap()
            .messages
            .is_empty()
    );
}

#[tokio::test]
async fn large_messages_come_in_several_reads() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let payloads: Vec<String> = (0..100).map(|number| format!("{number:0>16000}")).collect();
    let records: Vec<_> = payloads
        .iter()
        .map(|payload| record(user("ann"), payload))
        .collect();
    log.append(&records).await.unwrap();
    let (mut position, mut seen, mut reads) = (0, Vec::new(), 0);
    loop {
        let batch = log.read(&user("ann"), position, 100).await.unwrap();
        reads += 1;
        position = batch.messages.last().unwrap().sequence;
        seen.extend(batch.messages);
        if !batch.more {
            break;
        }
    }
    assert!(reads > 1, "one read would have carried 1.6 MB");
    assert!(seen.iter().map(payload).eq(payloads.iter().map(String::as_str)));
}

#[tokio::test]
async fn reads_at_the_same_time_each_get_their_own_answer() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let name = |number: usize| format!("user-{number}");
    let records = (0..2_000).map(|number| record(user(&name(number % 200)), &name(number % 200)));
    log.append(&records.collect::<Vec<_>>()).await.unwrap();
    let reads = (0..200).map(|number| {
        let log = log.clone();
        tokio::spawn(async move { (number, log.read(&user(&name(number)), 0, 100).await.unwrap()) })
    });
    for read in reads.collect::<Vec<_>>() {
        let (number, batch) = read.await.unwrap();
        assert_eq!(
            batch.messages.iter().map(payload).collect::<Vec<_>>(),
            vec![name(number); 10]
        );
    }
}

#[tokio::test]
async fn a_read_without_a_server_ends_and_works_again_once_it_is_back() {
    let mut server = NatsServer::start().await;
    let patience = Duration::from_millis(200);
    let log = EventLog::open(&Settings {
        ack_timeout: patience,
        ..settings(&server)
    })
    .await
    .unwrap();
    log.append(&numbered(0..5)).await.unwrap();
    server.kill().await;
    assert!(matches!(
        log.read(&user("ann"), 0, 10).await,
        Err(ReadError::TimedOut)
    ));
    server.restart().await;
    let deadline = Instant::now() + crate::LIMIT;
    let batch = loop {
        match log.read(&user("ann"), 0, 10).await {
            Ok(batch) => break batch,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    };
    assert_eq!(batch.messages.len(), 5);
}

#[tokio::test]
async fn a_time_becomes_the_position_before_the_first_message_stored_at_it_or_later() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    assert_eq!(
        log.last_sequence_before(Utc::now()).await.unwrap(),
        0,
        "of an empty log"
    );
    log.append(&numbered(0..10)).await.unwrap();
    let stored = log.read(&user("ann"), 0, 10).await.unwrap().messages;
    for stored in &stored {
        let earlier = stored.stored_at - chrono::TimeDelta::nanoseconds(1);
        assert_eq!(
            log.last_sequence_before(stored.stored_at).await.unwrap(),
            stored.sequence - 1
        );
        assert!(log.last_sequence_before(earlier).await.unwrap() < stored.sequence);
    }
    let day = chrono::TimeDelta::days(1);
    assert_eq!(log.last_sequence_before(Utc::now() - day).await.unwrap(), 0);
    assert_eq!(log.last_sequence_before(Utc::now() + day).await.unwrap(), 10);
}
