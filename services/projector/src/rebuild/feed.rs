//! The log, read up to a sequence and not beyond it.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::time::Duration;

use event_log::{EventLog, Follow, Stored};
use tokio::time::timeout;

use super::RebuildError;

/// After how long without a message one looks whether there is any left.
const SILENCE: Duration = Duration::from_secs(3);

pub(super) struct Feed {
    log: EventLog,
    follow: Follow,
    /// What was received and not asked for yet.
    ahead: VecDeque<Stored>,
    taken: u64,
}

impl Feed {
    /// From the first message that the log holds.
    pub(super) fn new(log: &EventLog) -> Self {
        Self {
            log: log.clone(),
            follow: log.follow(0),
            ahead: VecDeque::new(),
            taken: 0,
        }
    }

    pub(super) fn log(&self) -> &EventLog {
        &self.log
    }

    /// How many messages were taken.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// The next messages up to that sequence; nothing when there are no more of them. Dropping the future loses nothing.
    pub(super) async fn up_to(
        &mut self,
        target: u64,
        limit: NonZeroUsize,
    ) -> Result<Option<Vec<Stored>>, RebuildError> {
        while self.ahead.is_empty() {
            if self.follow.position() >= target {
                return Ok(None);
            }
            match timeout(SILENCE, self.follow.next_batch(limit)).await {
                Ok(batch) => self.ahead.extend(batch?),
                Err(_) if self.is_gone(target).await? => return Ok(None),
                Err(_) => {}
            }
        }
        let here = self.ahead.partition_point(|message| message.sequence <= target);
        if here == 0 {
            return Ok(None);
        }
        self.taken += here as u64;
        Ok(Some(self.ahead.drain(..here).collect()))
    }

    /// Gives messages back that were taken last.
    pub(super) fn give_back(&mut self, messages: Vec<Stored>) {
        self.taken -= messages.len() as u64;
        for message in messages.into_iter().rev() {
            self.ahead.push_front(message);
        }
    }

    /// Whether the message was deleted from the log, so that nobody should wait for it. What comes before it would have
    /// come by now.
    async fn is_gone(&self, sequence: u64) -> Result<bool, RebuildError> {
        Ok(self.log.message(sequence).await?.is_none())
    }
}
