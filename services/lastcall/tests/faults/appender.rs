//! A steady stream of events, appended whatever happens, and a record of what was handed over and acknowledged.

use std::time::Duration;

use event_log::{EventLog, Record};
use proto_schemas::Recipient;
use test_support::random::Random;
use tokio::sync::watch;
use uuid::Uuid;

use crate::deployment::Deployment;
use crate::tokens::person;

/// Events that are appended at once, and how often.
const CHUNK: usize = 25;
const PAUSE: Duration = Duration::from_millis(50);

/// One chunk in so many has an event for everybody.
const FOR_EVERYBODY: u64 = 20;

/// What fills an event up to the size of an ordinary one, in bytes.
const FILLING: usize = 240;

/// Appends to the log of a deployment.
pub(crate) struct Appender<'a> {
    deployment: &'a Deployment,
    log: EventLog,
    random: Random,
    people: usize,
    number: u64,
}

impl<'a> Appender<'a> {
    /// For so many people, some of whom nobody may listen for.
    pub(crate) async fn new(deployment: &'a Deployment, people: usize, random: Random) -> Self {
        Self {
            deployment,
            log: deployment.open_log().await,
            random,
            people,
            number: 0,
        }
    }

    /// Appends until told to end.
    pub(crate) async fn run(mut self, end: watch::Receiver<bool>) -> Self {
        let mut chunks = 0;
        while !*end.borrow() {
            let mut records: Vec<Record> = (0..CHUNK).map(|_| self.for_somebody()).collect();
            if chunks % FOR_EVERYBODY == 0 {
                let place = self.random.below(CHUNK);
                records[place] = self.record(Recipient::Everybody);
            }
            chunks += 1;
            self.append(&records).await;
            tokio::time::sleep(PAUSE).await;
        }
        self
    }

    /// Appends one event for everybody, behind all others.
    pub(crate) async fn append_last(&mut self) {
        let last = self.record(Recipient::Everybody);
        self.append(&[last]).await;
    }

    /// How many events there were.
    pub(crate) fn count(&self) -> u64 {
        self.number
    }

    fn for_somebody(&mut self) -> Record {
        let somebody = person(self.random.below(self.people));
        self.record(somebody)
    }

    fn record(&mut self, recipient: Recipient) -> Record {
        self.number += 1;
        let payload = format!(
            "{{\"number\":{},\"filling\":\"{}\"}}",
            self.number,
            "x".repeat(FILLING)
        );
        Record {
            recipient,
            id: Uuid::new_v4(),
            payload: payload.into(),
        }
    }

    /// Appends until the log has acknowledged everything.
    async fn append(&self, records: &[Record]) {
        for record in records {
            self.deployment
                .ledger()
                .send(&record.recipient.subject(), &record.payload);
        }
        while let Err(error) = self.log.append(records).await {
            self.deployment
                .timeline
                .note(format!("the appender tries again: {error}"));
        }
        for record in records {
            self.deployment.ledger().acknowledge(&record.payload);
        }
    }
}
