//! Following the log: an ordered consumer that is made anew, from the last position, whenever anything is odd.
//!
//! The server's side of it is an ephemeral pull consumer in memory without acks, as the client library's own ordered
//! consumer uses. What differs is who makes it anew. The library does so behind the caller's back and asks for
//! `position + 1` of whatever stream has that name now: on a log that was replaced, or that lost its last messages, it
//! would wait in silence until the sequence numbers had come that far again. Here every new consumer is preceded by a
//! look at the stream: is it the same log, and is what we saw last still in its place? And a reconnect is taken as a
//! reason in itself, which saves waiting for missed heartbeats.

use std::num::NonZeroUsize;
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull::{Config, MessagesError, Stream as Messages};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::watch;
use tokio::task::unconstrained;
use tracing::{debug, warn};

use crate::EventLog;
use crate::continuity::Seen;
use crate::error::{Cause, FollowError};
use crate::stored::Stored;

/// How long one pull request stands; the server beats its heart at half of it, and two missed beats mean a new consumer.
const PULL_EXPIRES: Duration = Duration::from_secs(2);

/// Messages that may be on their way to us at once.
const PULL_MESSAGES: usize = 1_000;

/// After how long the server forgets a consumer that nobody pulls from any more; nobody deletes them.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30);

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The stored messages after a position, in order, for ever. Made by [`EventLog::follow`].
pub struct Follow {
    log: EventLog,
    position: u64,
    /// The message there, once one was given out.
    seen: Option<Seen>,
    consumer: Option<Consumer>,
    connects: watch::Receiver<u64>,
    /// Attempts to get on that failed since the last message.
    failures: u32,
}

struct Consumer {
    messages: Messages,
    name: String,
    /// Counts what this consumer delivered: a jump means that a message was lost on its way.
    delivered: u64,
}

/// Why there is no consumer yet.
enum Obstacle {
    Passing(Cause),
    Final(FollowError),
}

impl EventLog {
    /// Follows the log from the first message whose sequence is greater than `after`.
    ///
    /// Nothing is asked of the server before the first call of [`Follow::next`].
    pub fn follow(&self, after: u64) -> Follow {
        Follow {
            log: self.clone(),
            position: after,
            seen: None,
            consumer: None,
            connects: self.inner.connects.clone(),
            failures: 0,
        }
    }
}

impl Follow {
    /// The sequence of the last message that was given out.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next message. Waits as long as it takes, through errors and restarts of the server; sequences strictly
    /// increase. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// Only what waiting cannot help, see [`FollowError`]. Calling again asks the server again.
    pub async fn next(&mut self) -> Result<Stored, FollowError> {
        loop {
            let consumer = match &mut self.consumer {
                Some(consumer) => consumer,
                None => {
                    let consumer = self.begin().await?;
                    self.consumer.insert(consumer)
                }
            };
            tokio::select! {
                biased;
                message = consumer.messages.next() => if let Some(stored) = self.accept(message) {
                    return Ok(stored);
                },
                _ = self.connects.changed() => {
                    debug!(position = self.position, "reconnected; following anew");
                    self.consumer = None;
                }
            }
        }
    }

    /// Waits for the next message and takes up to `limit` of what has arrived behind it. Dropping the future loses
    /// nothing.
    ///
    /// # Errors
    ///
    /// As [`Follow::next`].
    pub async fn next_batch(&mut self, limit: NonZeroUsize) -> Result<Vec<Stored>, FollowError> {
        let mut batch = vec![self.next().await?];
        // Unconstrained: tokio has a task that took 128 messages seem to find no more of them, and wait.
        while batch.len() < limit.get()
            && let Some(consumer) = &mut self.consumer
            && let Some(message) = unconstrained(consumer.messages.next()).now_or_never()
            && let Some(stored) = self.accept(message)
        {
            batch.push(stored);
        }
        Ok(batch)
    }

    /// Takes a message that is the next one; anything else ends the consumer, and the next one begins where we stand.
    fn accept(&mut self, message: Option<Result<Message, MessagesError>>) -> Option<Stored> {
        let oddity = match message {
            Some(Ok(message)) => match self.in_order(message) {
                Ok(stored) => {
                    self.position = stored.sequence;
                    self.seen = Some(Seen {
                        sequence: stored.sequence,
                        stored_at: stored.stored_at,
                    });
                    self.failures = 0;
                    return Some(stored);
                }
                Err(oddity) => oddity,
            },
            Some(Err(error)) => Cause::of(&error),
            None => Cause::of(&"the client library ended the consumer"),
        };
        debug!(position = self.position, %oddity, "following anew");
        self.failures += 1;
        self.consumer = None;
        None
    }

    fn in_order(&mut self, message: Message) -> Result<Stored, Cause> {
        let consumer = self.consumer.as_mut().ok_or_else(|| Cause::of(&"no consumer"))?;
        let info = message.info().map_err(|error| Cause::of(&error))?;
        if info.consumer != consumer.name || info.consumer_sequence != consumer.delivered + 1 {
            return Err(Cause::of(&"a message was lost on its way"));
        }
        if info.stream_sequence <= self.position {
            return Err(Cause::of(&format!(
                "sequence {} came again",
                info.stream_sequence
            )));
        }
        consumer.delivered = info.consumer_sequence;
        let (sequence, nanoseconds) = (info.stream_sequence, info.published.unix_timestamp_nanos());
        let Message { message, .. } = message;
        Ok(Stored::new(
            sequence,
            message.subject.as_str(),
            nanoseconds,
            message.payload,
        ))
    }

    /// Makes a consumer, however long it takes.
    async fn begin(&mut self) -> Result<Consumer, FollowError> {
        loop {
            if self.failures > 0 {
                let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.failures - 1));
                tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
            }
            // From here on a reconnect is one that the new consumer may not have survived.
            self.connects.mark_unchanged();
            match self.attempt().await {
                Ok(consumer) => return Ok(consumer),
                Err(Obstacle::Final(error)) => return Err(error),
                Err(Obstacle::Passing(cause)) => {
                    self.failures += 1;
                    warn!(position = self.position, %cause, "cannot follow the log yet; trying again");
                }
            }
        }
    }

    async fn attempt(&self) -> Result<Consumer, Obstacle> {
        let state = self
            .log
            .state()
            .await
            .map_err(|error| Obstacle::Passing(Cause::of(&error)))?;
        self.log
            .check_epoch(state.epoch)
            .map_err(|replaced| Obstacle::Final(replaced.into()))?;
        let last_sequence = self.last_in_common(state.last_sequence).await?;
        if last_sequence < self.position {
            return Err(Obstacle::Final(FollowError::BehindCheckpoint {
                position: self.position,
                last_sequence,
            }));
        }
        if self.position > 0 && self.position + 1 < state.first_sequence {
            let removed = state.first_sequence - self.position - 1;
            warn!(
                position = self.position,
                removed, "the log no longer holds all that comes next"
            );
        }
        self.consume().await
    }

    /// Up to where the log, which ends at that sequence, is the one that was followed.
    async fn last_in_common(&self, last_sequence: u64) -> Result<u64, Obstacle> {
        let Some(seen) = self.seen else {
            return Ok(last_sequence);
        };
        let common = self.log.last_in_common(seen, last_sequence).await;
        common.map_err(|error| Obstacle::Passing(Cause::of(&error)))
    }

    async fn consume(&self) -> Result<Consumer, Obstacle> {
        let context = &self.log.inner.context;
        let stream = &self.log.inner.settings.stream;
        let consumer = context
            .create_consumer_on_stream(config(self.position), stream)
            .await;
        let consumer = consumer.map_err(|error| Obstacle::Passing(Cause::of(&error)))?;
        let name = consumer.cached_info().name.clone();
        let pull = consumer.stream().max_messages_per_batch(PULL_MESSAGES);
        let messages = pull
            .expires(PULL_EXPIRES)
            .heartbeat(PULL_EXPIRES / 2)
            .messages()
            .await;
        let messages = messages.map_err(|error| Obstacle::Passing(Cause::of(&error)))?;
        Ok(Consumer {
            messages,
            name,
            delivered: 0,
        })
    }
}

fn config(position: u64) -> Config {
    Config {
        deliver_policy: DeliverPolicy::ByStartSequence {
            start_sequence: position.saturating_add(1),
        },
        ack_policy: AckPolicy::None,
        memory_storage: true,
        num_replicas: 1,
        inactive_threshold: FORGOTTEN_AFTER,
        ..Config::default()
    }
}
