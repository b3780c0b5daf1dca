//! The peer: a program that does nothing but publish messages with ids into a stream and count the acks.
//!
//! As fast as the client library goes: one inbox, of which every message gets the same reply subject; acks are counted
//! and not parsed; permits for what is in flight are taken and given back by the dozen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use async_nats::client::traits::Publisher as _;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::message::OutboundMessage;
use async_nats::{Client, HeaderMap, Subject, Subscriber};
use futures::StreamExt as _;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::machine;
use crate::messages::Message;

/// Messages that may wait for their acks. More brought nothing.
const IN_FLIGHT: usize = 4_096;

/// Permits that are taken at once.
const BLOCK: usize = 64;

/// Acks that are counted at once.
const ACKS_AT_ONCE: usize = 512;

/// What became of the messages.
#[derive(Debug, Clone, Copy, Default)]
pub struct Acked {
    /// Messages that were stored.
    pub stored: u64,
    /// Messages that the stream had already.
    pub duplicates: u64,
    /// From the first message to the last ack.
    pub took: Duration,
    /// The time that this process has worked.
    pub worked: Duration,
}

/// A connection that is made before anything is measured.
pub struct Publisher {
    client: Client,
    reply: Subject,
    acks: Subscriber,
}

impl Publisher {
    /// Connects.
    pub async fn connect(url: &str) -> anyhow::Result<Self> {
        let client = async_nats::ConnectOptions::new()
            .subscription_capacity(2 * IN_FLIGHT)
            .connect(url)
            .await
            .context("connecting to nats-server")?;
        let reply = Subject::from(client.new_inbox());
        let acks = client.subscribe(reply.clone()).await?;
        Ok(Self { client, reply, acks })
    }

    /// Publishes everything and waits for every ack.
    pub async fn publish(self, messages: &[Message]) -> anyhow::Result<Acked> {
        let process = std::process::id();
        let worked_before = machine::worked(process).unwrap_or_default();
        let began = Instant::now();
        let permits = Arc::new(Semaphore::new(IN_FLIGHT));
        let counting = count(self.acks, messages.len(), Arc::clone(&permits));
        for block in messages.chunks(BLOCK) {
            permits.acquire_many(u32::try_from(block.len())?).await?.forget();
            for Message { subject, id, payload } in block {
                let mut headers = HeaderMap::new();
                headers.insert(NATS_MESSAGE_ID, id.clone());
                let message = OutboundMessage {
                    subject: subject.clone(),
                    reply: Some(self.reply.clone()),
                    payload: payload.clone(),
                    headers: Some(headers),
                };
                self.client.publish_message(message).await?;
            }
        }
        let acked = counting.await??;
        Ok(Acked {
            took: began.elapsed(),
            worked: machine::worked(process).unwrap_or_default() - worked_before,
            ..acked
        })
    }
}

fn count(acks: Subscriber, expected: usize, permits: Arc<Semaphore>) -> JoinHandle<anyhow::Result<Acked>> {
    tokio::spawn(async move {
        let mut acked = Acked::default();
        let mut left = expected;
        let mut acks = acks.ready_chunks(ACKS_AT_ONCE);
        while left > 0 {
            let some = acks.next().await.context("the connection ended")?;
            for ack in &some {
                if ack.payload.ends_with(b"\"duplicate\": true}") {
                    acked.duplicates += 1;
                } else if ack.payload.starts_with(b"{\"stream\":") {
                    acked.stored += 1;
                } else {
                    bail!("not acknowledged: {:?} {:?}", ack.status, ack.payload);
                }
            }
            left -= some.len();
            permits.add_permits(some.len());
        }
        Ok(acked)
    })
}
