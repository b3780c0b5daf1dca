//! The messages of a log, read back to be published once more by somebody else.

use std::num::NonZeroUsize;

use anyhow::Context as _;
use async_nats::Subject;
use bytes::Bytes;
use event_log::{EventLog, Settings};
use serde::Deserialize;

const AT_ONCE: NonZeroUsize = NonZeroUsize::new(1_000).expect("it is more than 0");

/// What a publisher has to know of a message.
#[derive(Debug, Clone)]
pub struct Message {
    /// Where it goes.
    pub subject: Subject,
    /// What the server recognises a repeat by.
    pub id: String,
    /// What it says.
    pub payload: Bytes,
}

/// What is read of a payload.
#[derive(Deserialize)]
struct Event {
    id: String,
}

/// Everything that the log has.
pub async fn read_all(settings: &Settings) -> anyhow::Result<Vec<Message>> {
    let log = EventLog::open(settings).await?;
    let last = log.bounds().await?.last_sequence;
    let mut follow = log.follow(0);
    let mut messages = Vec::new();
    while follow.position() < last {
        for stored in follow.next_batch(AT_ONCE).await? {
            let Event { id } = serde_json::from_slice(&stored.payload).context("reading an event's id")?;
            messages.push(Message {
                subject: Subject::from(&*stored.subject),
                id,
                // On its own: the buffer that it was received in is larger.
                payload: Bytes::copy_from_slice(&stored.payload),
            });
        }
    }
    Ok(messages)
}
