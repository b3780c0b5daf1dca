//! What the projector writes: rows and the position they bring the tables to, in one transaction.
//!
//! The transaction begins with a compare-and-set on the position. Two projectors therefore cannot both advance: the
//! second finds the position moved, writes nothing, and is told so.
//!
//! The tables are a function of the log up to the position, wherever the batches were cut. What each message makes of
//! them is said by the rules of [`domain::inbox`] and [`domain::preferences`], one message after the other. A batch is
//! written by few statements all the same, since most of that order does not matter:
//!
//! 1. What is told is judged by its reader's preferences as of its place, and written.
//! 2. What people did is applied to what is then in the tables. A change reaches only what the log has before it, and
//!    rows carry their sequence, so it makes no difference that later ones are there already.
//! 3. The last preferences of each person are written.

mod changes;
mod checkpoint;
pub(crate) mod fold;
pub(crate) mod preferences;
mod reach;
pub(crate) mod rows;
pub(crate) mod states;
mod tables;

use chrono::{DateTime, Utc};
use domain::entry::Entry;
use proto_schemas::{Epoch, Recipient};
use sea_orm::DatabaseTransaction;
use sea_orm::sea_query::OnConflict;

use crate::entity::{notification, set_aside};
use crate::error::Attempting;
use crate::{Store, StoreError};

use fold::Fold;
#[cfg(test)]
pub(crate) use reach::touched;

pub(crate) use checkpoint::{advance, position};
pub(crate) use reach::Reach;
pub(crate) use tables::Tables;

/// The projection that builds the tables which [`crate::inbox`] reads.
pub const NOTIFICATIONS: &str = "notifications";

/// How far a projection has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// In which log.
    pub epoch: Epoch,
    /// The last sequence that is in the tables; 0 is before the first.
    pub sequence: u64,
}

/// Some messages of the log, one after the other.
#[derive(Debug, Clone, Default)]
pub struct ProjectedBatch {
    /// Those that could be read, in the order of the log.
    pub entries: Vec<Logged>,
    /// Those that could not.
    pub set_aside: Vec<SetAside>,
}

/// A message of the log that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Its place in the log.
    pub sequence: u64,
    /// When the log stored it.
    pub stored_at: DateTime<Utc>,
    /// In whose subject. What a person did and what they want is in their own.
    pub recipient: Recipient,
    /// What it says.
    pub entry: Entry,
}

/// A message that no row could be made of, kept for somebody to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Its sequence.
    pub sequence: u64,
    /// The subject it is stored under.
    pub subject: String,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// What is wrong with it.
    pub reason: String,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Projected {
    /// It is in the tables, and the position with it.
    Advanced,
    /// Another projector has moved the position; nothing was written.
    Lost,
}

impl Store {
    /// How far a projection has come; nothing where it never began.
    pub async fn projection_position(&self, name: &str) -> Result<Option<Position>, StoreError> {
        position(self.connection(), name).await
    }

    /// Writes a batch and moves the position from `expected` to `new`, or does neither.
    ///
    /// An event whose notification is there already (the log may hold one twice when its duplicate window was too
    /// short) leaves it as it is.
    ///
    /// # Errors
    ///
    /// Another event at a sequence that is taken already. It is refused rather than dropped: sequences of two logs have
    /// met in one table, which must then be built anew.
    pub async fn project(
        &self,
        name: &str,
        expected: Option<&Position>,
        new: &Position,
        batch: &ProjectedBatch,
    ) -> Result<Projected, StoreError> {
        let attempted = "moving the position of a projection";
        let transaction = self.begin_write().await.attempting(attempted)?;
        let advanced = advance(&transaction, name, expected, new).await;
        if advanced.attempting(attempted)? == Projected::Lost {
            return Ok(Projected::Lost);
        }
        write(&transaction, &Tables::LIVE, batch).await?;
        transaction.commit().await.attempting("projecting a batch")?;
        Ok(Projected::Advanced)
    }
}

/// Writes a batch to these tables, which hold everything that the log has before it.
pub(crate) async fn write(
    transaction: &DatabaseTransaction,
    tables: &Tables,
    batch: &ProjectedBatch,
) -> Result<(), StoreError> {
    let known = preferences::known(transaction, tables, &batch.entries)
        .await
        .attempting("reading preferences")?;
    let fold = Fold::of(&batch.entries, &known);
    let by_event = OnConflict::column(notification::Column::EventId)
        .do_nothing()
        .to_owned();
    let notifications = fold.notifications.iter().map(rows::personal).collect();
    rows::insert(transaction, tables.notifications, notifications, &by_event)
        .await
        .attempting("writing notifications")?;
    rows::insert(transaction, tables.announcements, fold.announcements, &by_event)
        .await
        .attempting("writing announcements")?;
    let by_sequence = OnConflict::column(set_aside::Column::Sequence)
        .do_nothing()
        .to_owned();
    let aside = batch.set_aside.iter().map(rows::unreadable).collect();
    rows::insert(transaction, tables.set_aside, aside, &by_sequence)
        .await
        .attempting("setting messages aside")?;
    changes::apply(transaction, tables, &fold.changes)
        .await
        .attempting("changing states of notifications")?;
    preferences::upsert(transaction, tables, fold.preferences)
        .await
        .attempting("writing preferences")
}

/// A sequence as the tables keep it. No log comes near the end of either.
pub(crate) fn sequence_to(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

pub(crate) fn sequence_from(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}
