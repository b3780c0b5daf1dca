//! The new tables beside the live ones: catching up, comparing, swapping.

use std::num::NonZeroUsize;
use std::time::Duration;

use event_log::Stored;
use store::projection::Position;
use store::rebuild::{Comparison, Locked, Maker, Rebuild};
use tokio::time::timeout;

use super::feed::Feed;
use super::{LogOfTables, RebuildError, Step, Watch};
use crate::batch;

/// The most messages that one transaction writes.
const MESSAGES_AT_ONCE: NonZeroUsize = NonZeroUsize::new(1_000).expect("it is more than 0");

/// How often something is tried for which both sides must stand at the same position.
const TRIES: u32 = 100;

/// How long the projector may be kept waiting for the log.
const LOG_LIMIT: Duration = Duration::from_secs(2);

pub(super) struct Beside<'a> {
    pub(super) rebuild: Rebuild,
    pub(super) feed: Feed,
    pub(super) maker: Maker,
    /// Where the new tables stand.
    pub(super) position: Position,
    pub(super) log: LogOfTables,
    pub(super) watch: Watch<'a>,
}

impl Beside<'_> {
    /// Projects what came until now.
    pub(super) async fn catch_up(&mut self) -> Result<(), RebuildError> {
        loop {
            let target = self.target().await?;
            if self.position.sequence >= target {
                return Ok(());
            }
            while let Some(messages) = self.feed.up_to(target, MESSAGES_AT_ONCE).await? {
                let reached = self.at(messages.last().map_or(target, |message| message.sequence));
                let batch = batch::read_for(self.maker, &messages);
                self.rebuild.project(&self.position, &reached, &batch).await?;
                self.position = reached;
                (self.watch)(Step::CatchingUp {
                    reached: self.position.sequence,
                });
            }
            if self.position.sequence < target {
                self.stand_at(target).await?;
            }
        }
    }

    /// Up to where the new tables are to come: to where the live ones are, and where those are of another log, to its end.
    async fn target(&self) -> Result<u64, RebuildError> {
        let live = match self.log {
            LogOfTables::This => self.rebuild.live_position().await?,
            LogOfTables::Another => None,
        };
        Ok(match live {
            Some(live) => live.sequence,
            None => self.feed.log().bounds().await?.last_sequence,
        })
    }

    /// The messages up to there are gone from the log.
    async fn stand_at(&mut self, sequence: u64) -> Result<(), RebuildError> {
        let reached = self.at(sequence);
        let nothing = batch::read(&[]);
        self.rebuild.project(&self.position, &reached, &nothing).await?;
        self.position = reached;
        Ok(())
    }

    fn at(&self, sequence: u64) -> Position {
        Position {
            epoch: self.position.epoch.clone(),
            sequence,
        }
    }

    /// Compares both where they stand at the same position. Nothing where there is no live position.
    pub(super) async fn compare(&mut self) -> Result<Option<Comparison>, RebuildError> {
        for _ in 0..TRIES {
            self.catch_up().await?;
            let locked = self.rebuild.lock_live().await?;
            if locked.live().is_none() {
                return Ok(None);
            }
            let (locked, reached, _) = self.project_rest(locked).await?;
            locked.release().await?;
            self.position = reached;
            (self.watch)(Step::Comparing);
            if let Some(comparison) = self.rebuild.compare().await? {
                return Ok(Some(comparison));
            }
        }
        Err(RebuildError::NeverStill("be compared"))
    }

    /// Puts the new tables in place.
    pub(super) async fn swap(&mut self) -> Result<(), RebuildError> {
        for _ in 0..TRIES {
            self.catch_up().await?;
            (self.watch)(Step::Swapping);
            let Some(locked) = self.rebuild.lock_to_swap().await? else {
                continue;
            };
            let (locked, reached, messages) = self.project_rest(locked).await?;
            if locked.swap(&reached).await?.is_some() {
                self.position = reached;
                return Ok(());
            }
            self.feed.give_back(messages);
            self.rebuild.give_way().await;
        }
        Err(RebuildError::NeverStill("be swapped"))
    }

    /// Projects what is left up to the locked position. Until the lock is released, what came of that is not there.
    async fn project_rest(
        &mut self,
        locked: Locked,
    ) -> Result<(Locked, Position, Vec<Stored>), RebuildError> {
        let mut reached = self.position.clone();
        let mut all = Vec::new();
        let target = match (self.log, locked.live()) {
            (LogOfTables::This, Some(live)) => live.sequence,
            _ => return Ok((locked, reached, all)),
        };
        while reached.sequence < target {
            let next = timeout(LOG_LIMIT, self.feed.up_to(target, MESSAGES_AT_ONCE)).await;
            let next = match next {
                Ok(next) => next?,
                Err(_) => return Err(RebuildError::NeverStill("be locked")),
            };
            let messages = next.unwrap_or_default();
            let new = self.at(messages.last().map_or(target, |message| message.sequence));
            let batch = batch::read_for(self.maker, &messages);
            locked.project(&reached, &new, &batch).await?;
            reached = new;
            all.extend(messages);
        }
        Ok((locked, reached, all))
    }
}
