use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType};
use chrono::DateTime;
use event_log::{Admission, EventLog, TICKET_LIFE, Ticket, TicketError, Use};
use futures::future::join_all;
use proto_schemas::UserId;
use test_support::nats::NatsServer;
use test_support::nats_cluster::NatsCluster;

use crate::cluster::{self, until_good};
use crate::{LIMIT, open};

const STREAM: &str = "EVENTS-TICKETS";

fn admission(user: &str) -> Admission {
    Admission {
        user: UserId::new(user).expect("a user id"),
        // Some issuers take milliseconds for seconds: in a year that not every format can write.
        until: DateTime::from_timestamp(1_800_000_000_000, 0).expect("a time"),
    }
}

/// Whom a ticket lets in, if anybody: looked up and used in one go.
async fn lets_in(log: &EventLog, ticket: &Ticket) -> Option<Admission> {
    let found = log.find_ticket(ticket).await.expect("the server answers")?;
    let used = log.use_ticket(&found).await.expect("the server answers");
    (used == Use::First).then_some(found.admission)
}

/// The stream as somebody made it by hand.
fn by_hand() -> Config {
    Config {
        name: STREAM.to_owned(),
        subjects: vec!["ticket.EVENTS.*".to_owned()],
        storage: StorageType::Memory,
        discard: DiscardPolicy::New,
        max_age: TICKET_LIFE,
        max_messages_per_subject: 1,
        ..Config::default()
    }
}

async fn jetstream(server: &NatsServer) -> async_nats::jetstream::Context {
    let client = async_nats::connect(server.url())
        .await
        .expect("the server is there");
    async_nats::jetstream::new(client)
}

#[tokio::test]
async fn a_ticket_lets_its_holder_in_once_at_any_process() {
    let server = NatsServer::start().await;
    let logs = [open(&server).await, open(&server).await];
    for (made, used) in [(0, 0), (0, 1)] {
        let ticket = logs[made].make_ticket(&admission("ann")).await.unwrap();
        // Looking does not use it.
        for log in &logs {
            let found = log.find_ticket(&ticket).await.unwrap().expect("it is good");
            assert_eq!(found.admission, admission("ann"));
        }
        assert_eq!(lets_in(&logs[used], &ticket).await, Some(admission("ann")));
        for log in &logs {
            assert_eq!(lets_in(log, &ticket).await, None);
        }
    }
    let never_made = Ticket::parse(&"0123456789abcdef".repeat(4)).unwrap();
    assert_eq!(lets_in(&logs[0], &never_made).await, None);
}

/// Makes tickets, and has everybody use each at once who has seen that it is good.
async fn race(logs: &[EventLog], rounds: usize) {
    const EACH: usize = 3;
    for round in 0..rounds {
        let maker = &logs[round % logs.len()];
        let ticket = until_good(async || maker.make_ticket(&admission("ann")).await.ok()).await;
        let all = || logs.iter().cycle().take(logs.len() * EACH);
        let found = join_all(all().map(|log| log.find_ticket(&ticket))).await;
        let uses = all().zip(found).map(|(log, found)| {
            let (log, found) = (log.clone(), found.expect("an answer").expect("it is good"));
            tokio::spawn(async move { log.use_ticket(&found).await.expect("an answer") })
        });
        let uses = join_all(uses.collect::<Vec<_>>()).await;
        let first = uses
            .iter()
            .filter(|used| *used.as_ref().expect("no panic") == Use::First)
            .count();
        assert_eq!(first, 1, "in round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_who_use_a_ticket_at_once_one_is_let_in() {
    let server = NatsServer::start().await;
    race(&[open(&server).await, open(&server).await], 300).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_who_use_a_ticket_at_once_at_the_servers_of_a_cluster_one_is_let_in() {
    let servers = NatsCluster::start(3).await;
    let logs = (0..3).map(|server| cluster::open(servers.url(server)));
    race(&join_all(logs).await, 200).await;
}

#[tokio::test]
async fn what_the_server_holds_of_a_ticket_is_no_ticket() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let ticket = log.make_ticket(&admission("ann")).await.unwrap();
    let mut stream = jetstream(&server).await.get_stream(STREAM).await.unwrap();
    let entry = stream.get_raw_message(1).await.unwrap();
    let payload = std::str::from_utf8(&entry.payload).unwrap();
    assert!(!entry.subject.contains(ticket.expose()) && !payload.contains(ticket.expose()));
    let hash = entry.subject.rsplit_once('.').unwrap().1;
    let hash = Ticket::parse(hash).expect("as long as a ticket, and none");
    assert_eq!(lets_in(&log, &hash).await, None);
    let config = &stream.info().await.unwrap().config;
    assert_eq!(
        (config.storage, config.max_age),
        (StorageType::Memory, TICKET_LIFE)
    );
    assert!(config.max_messages > 0 && config.max_bytes > 0, "bounded");
}

#[tokio::test]
async fn a_ticket_that_is_too_old_is_unknown() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let short = Config {
        max_age: Duration::from_millis(500),
        ..by_hand()
    };
    jetstream(&server).await.create_stream(short).await.unwrap();
    let ticket = log.make_ticket(&admission("ann")).await.unwrap();
    let seen = log.find_ticket(&ticket).await.unwrap().expect("it is good");
    let forgotten = async { while log.find_ticket(&ticket).await.unwrap().is_some() {} };
    tokio::time::timeout(LIMIT, forgotten)
        .await
        .expect("it grows old");
    assert_eq!(log.use_ticket(&seen).await.unwrap(), Use::TooLate);
}

#[tokio::test]
async fn a_lost_server_uses_no_ticket_up_and_one_that_lost_its_memory_takes_new_ones() {
    let mut server = NatsServer::start().await;
    let log = open(&server).await;
    let ticket = log.make_ticket(&admission("ann")).await.unwrap();
    let found = log.find_ticket(&ticket).await.unwrap().expect("it is good");
    server.kill().await;
    assert!(log.find_ticket(&ticket).await.is_err());
    assert!(log.use_ticket(&found).await.is_err());
    assert!(log.make_ticket(&admission("ann")).await.is_err());
    server.restart().await;
    let connected = async {
        loop {
            match log.find_ticket(&ticket).await {
                Ok(found) => break found,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    let known = tokio::time::timeout(LIMIT, connected).await.expect("it is back");
    assert_eq!(known, None, "what was in its memory is gone");
    assert_eq!(log.use_ticket(&found).await.unwrap(), Use::TooLate);
    let ticket = log.make_ticket(&admission("bob")).await.unwrap();
    // It has the sequence that the lost one had.
    assert_eq!(log.use_ticket(&found).await.unwrap(), Use::TooLate);
    assert_eq!(lets_in(&log, &ticket).await, Some(admission("bob")));
}

#[tokio::test]
async fn beyond_the_bound_no_ticket_is_made_and_those_there_are_stay_good() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let narrow = Config {
        max_messages: 2,
        ..by_hand()
    };
    jetstream(&server).await.create_stream(narrow).await.unwrap();
    let first = log.make_ticket(&admission("ann")).await.unwrap();
    let second = log.make_ticket(&admission("bob")).await.unwrap();
    let error = log.make_ticket(&admission("cem")).await.unwrap_err();
    assert!(matches!(error, TicketError::Refused(_)), "{error:?}");
    assert_eq!(lets_in(&log, &second).await, Some(admission("bob")));
    assert_eq!(lets_in(&log, &second).await, None);
    assert_eq!(lets_in(&log, &first).await, Some(admission("ann")));
}

#[tokio::test]
async fn a_stream_in_which_tickets_are_not_safe_is_refused_with_everything_that_is_wrong() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    let unsafe_stream = Config {
        max_age: Duration::ZERO,
        discard: DiscardPolicy::Old,
        ..by_hand()
    };
    jetstream(&server)
        .await
        .create_stream(unsafe_stream)
        .await
        .unwrap();
    let error = log.make_ticket(&admission("ann")).await.unwrap_err();
    let TicketError::Stream(cause) = error else {
        panic!("{error:?}")
    };
    let said = cause.to_string();
    for part in ["EVENTS-TICKETS", "max_age", "discard"] {
        assert!(said.contains(part), "{said}");
    }
}
