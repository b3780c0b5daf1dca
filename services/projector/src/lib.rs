//! Builds the notification table from the log.
//!
//! The projector follows the log from the position that is stored beside the rows, in the same transaction as the rows.
//! Killed at any line, it goes on exactly where the table stands. A message that it cannot make a row of is set aside
//! with its bytes and the reason, and the rest flows.
//!
//! Any number of projectors may run: the position moves by compare-and-set, so that only one of them gets ahead with
//! each batch. Who loses stands by until the position stops moving.

mod batch;
pub mod rebuild;
mod settings;

use std::time::Duration;

use event_log::{EventLog, FollowError, ReadError, Stored};
use proto_schemas::Epoch;
use service_kit::health::Gate;
use service_kit::telemetry::chain;
use store::projection::{NOTIFICATIONS, Position, Projected};
use store::{Store, StoreError};
use tokio_util::sync::CancellationToken;

pub use settings::Settings;

/// How often a projector that stands by looks whether the other one still moves.
const STAND_BY: Duration = Duration::from_secs(2);

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Why the table cannot be built any further. Everything that may pass by itself is waited out instead.
#[derive(Debug, thiserror::Error)]
pub enum ProjectorError {
    /// The table comes from a log that is not this one.
    #[error(
        "the notification table was built from the log {table}, and this log is {log}; \
         to build it from this one and give up what it holds, run `lastcall projector rebuild --from-new-log`"
    )]
    OtherLog {
        /// The epoch that the table is from.
        table: Epoch,
        /// The epoch of the log.
        log: Epoch,
    },
    /// The log lost what the table has, or was replaced.
    #[error("the log does not continue what the notification table was built from")]
    Log(#[from] FollowError),
    /// The tables cannot be read at start.
    #[error("the position of the notification table cannot be read")]
    Store(#[from] StoreError),
}

/// Follows the log and writes what it says.
pub struct Projector {
    store: Store,
    log: EventLog,
    settings: Settings,
}

impl Projector {
    /// A projector from this log into these tables.
    pub fn new(store: Store, log: EventLog, settings: Settings) -> Self {
        Self { store, log, settings }
    }

    /// Projects until told to end. The gate is open while the tables can be written.
    pub async fn run(self, gate: Gate, shutdown: CancellationToken) -> Result<(), ProjectorError> {
        tokio::select! {
            ended = self.project(&gate) => ended,
            () = shutdown.cancelled() => Ok(()),
        }
    }

    async fn project(&self, gate: &Gate) -> Result<(), ProjectorError> {
        let mut position = self.position().await?;
        let mut follow = self.log.follow(position.as_ref().map_or(0, |p| p.sequence));
        tracing::info!(after = follow.position(), "projecting");
        gate.open();
        loop {
            let messages = follow.next_batch(self.settings.batch_messages).await?;
            match self.write(gate, position.as_ref(), &messages).await {
                Written::Until(reached) => position = Some(reached),
                Written::Lost => {
                    tracing::info!("another projector is at work; standing by");
                    position = self.stand_by().await?;
                    follow = self.log.follow(position.as_ref().map_or(0, |p| p.sequence));
                }
            }
        }
    }

    async fn position(&self) -> Result<Option<Position>, ProjectorError> {
        let position = self.store.projection_position(NOTIFICATIONS).await?;
        match position {
            Some(position) if position.epoch != *self.log.epoch() => Err(ProjectorError::OtherLog {
                table: position.epoch,
                log: self.log.epoch().clone(),
            }),
            position => Ok(position),
        }
    }

    /// Waits until the position stands still although the log has more.
    async fn stand_by(&self) -> Result<Option<Position>, ProjectorError> {
        let mut seen = self.position().await?;
        loop {
            tokio::time::sleep(STAND_BY).await;
            let now = self.position().await?;
            let reached = now.as_ref().map_or(0, |position| position.sequence);
            let waiting = match self.log.bounds().await {
                Ok(bounds) => bounds.last_sequence > reached,
                Err(ReadError::Replaced(replaced)) => return Err(FollowError::from(replaced).into()),
                Err(_) => false,
            };
            if waiting && now == seen {
                return Ok(now);
            }
            seen = now;
        }
    }

    /// Writes a batch, trying again for as long as the database fails.
    async fn write(&self, gate: &Gate, expected: Option<&Position>, messages: &[Stored]) -> Written {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.write_once(expected, messages).await {
                Ok(written) => {
                    gate.open();
                    return written;
                }
                Err(error) => {
                    gate.close();
                    tracing::warn!(cause = %chain(&error), "the tables cannot be written; trying again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn write_once(
        &self,
        expected: Option<&Position>,
        messages: &[Stored],
    ) -> Result<Written, StoreError> {
        match self.advance(expected, messages, batch::read(messages)).await {
            Err(error) if error.refuses_rows() => self.write_one_by_one(expected, messages).await,
            other => other,
        }
    }

    /// The database refuses something that the batch holds: finds out what, and sets that aside.
    async fn write_one_by_one(
        &self,
        expected: Option<&Position>,
        messages: &[Stored],
    ) -> Result<Written, StoreError> {
        let mut expected = expected.cloned();
        for message in messages {
            let one = std::slice::from_ref(message);
            let written = match self.advance(expected.as_ref(), one, batch::read(one)).await {
                Err(error) if error.refuses_rows() => {
                    let aside = batch::set_aside(message, chain(&error));
                    self.advance(expected.as_ref(), one, aside).await?
                }
                other => other?,
            };
            match written {
                Written::Until(position) => expected = Some(position),
                Written::Lost => return Ok(Written::Lost),
            }
        }
        Ok(expected.map_or(Written::Lost, Written::Until))
    }

    async fn advance(
        &self,
        expected: Option<&Position>,
        messages: &[Stored],
        batch: store::projection::ProjectedBatch,
    ) -> Result<Written, StoreError> {
        let sequence = messages.last().map_or(0, |message| message.sequence);
        let reached = Position {
            epoch: self.log.epoch().clone(),
            sequence,
        };
        let set_aside = batch.set_aside.len();
        match self
            .store
            .project(NOTIFICATIONS, expected, &reached, &batch)
            .await?
        {
            Projected::Lost => Ok(Written::Lost),
            Projected::Advanced => {
                if set_aside > 0 {
                    tracing::warn!(messages = set_aside, until = sequence, "set messages aside");
                }
                Ok(Written::Until(reached))
            }
        }
    }
}

enum Written {
    Until(Position),
    Lost,
}
