//! The log against a real nats-server, which is killed and restarted where the promise is about that.

mod append;
mod cluster;
mod follow;
mod place;
mod refusals;
mod replay;
mod stream;
mod tickets;

use std::num::NonZeroUsize;
use std::time::Duration;

use event_log::{EventLog, Follow, Record, Settings, Stored};
use proto_schemas::{Recipient, UserId};
use test_support::nats::NatsServer;
use uuid::Uuid;

/// Far above what anything here takes, also on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

fn settings(server: &NatsServer) -> Settings {
    Settings {
        url: server.url(),
        ack_timeout: Duration::from_secs(2),
        ..Settings::default()
    }
}

async fn open(server: &NatsServer) -> EventLog {
    EventLog::open(&settings(server)).await.expect("the log opens")
}

fn user(id: &str) -> Recipient {
    Recipient::User(UserId::new(id).expect("a user id"))
}

fn record(recipient: Recipient, payload: &str) -> Record {
    Record {
        recipient,
        id: Uuid::new_v4(),
        payload: payload.to_owned().into(),
    }
}

/// Records for one user whose payloads are the numbers of the range.
fn numbered(range: std::ops::Range<u32>) -> Vec<Record> {
    range
        .map(|number| record(user("ann"), &number.to_string()))
        .collect()
}

fn payload(stored: &Stored) -> &str {
    std::str::from_utf8(&stored.payload).expect("a payload of these tests")
}

/// The next `count` messages, checked to have increasing sequences.
async fn take(follow: &mut Follow, count: usize) -> Vec<Stored> {
    let mut taken: Vec<Stored> = Vec::new();
    while taken.len() < count {
        let limit = NonZeroUsize::new(count - taken.len()).expect("some are missing");
        let batch = tokio::time::timeout(LIMIT, follow.next_batch(limit)).await;
        taken.extend(batch.expect("messages come in time").expect("following goes on"));
    }
    assert!(taken.is_sorted_by(|a, b| a.sequence < b.sequence));
    taken
}

/// Waits until the log has at least so many messages.
async fn until_stored(log: &EventLog, sequence: u64) {
    let stored = async {
        while log
            .bounds()
            .await
            .is_ok_and(|bounds| bounds.last_sequence < sequence)
        {}
    };
    tokio::time::timeout(LIMIT, stored)
        .await
        .expect("the log grows in time");
}
