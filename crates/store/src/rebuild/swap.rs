//! Exchanging the tables' names.
//!
//! In the transaction that does it the live position is locked and is the position of the new tables. The projector moves
//! it by compare-and-set: where it waits for the lock, it goes on with the new tables as if nothing had been.
//!
//! Whoever reads in PostgreSQL locks the notifications before their snapshot is taken
//! ([`Store::begin_inbox_snapshot`](crate::Store)): a snapshot of before the swap would show the new tables without what
//! was written to them last.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QuerySelect};

use super::indexes::{self, Index};
use super::shape::{REBUILD, SHAPES, Shape};
use super::{REBUILT, Rebuild, is_postgres};
use crate::StoreError;
use crate::entity::projection_checkpoint as checkpoint;
use crate::error::Attempting;
use crate::projection::{self, NOTIFICATIONS, Position, Projected, ProjectedBatch, advance, position};

/// How long a swap waits for those who read, while those who come wait for it. Below the second after which PostgreSQL
/// looks for deadlocks: it is the swap that gives way, and tries again.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '700ms'";

/// How long a swap waits for whoever vacuums or analyses the tables, while nobody waits for it. Above that second:
/// PostgreSQL then ends an autovacuum that is in the way, however long it would have gone on.
const MAINTENANCE_TIMEOUT: &str = "SET LOCAL lock_timeout = '5s'";

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

const LOCKING: &str = "locking the position of the live tables";

/// The live position stands still until this is swapped or dropped.
#[derive(Debug)]
#[must_use = "the projector waits until this is dropped"]
pub struct Locked {
    transaction: DatabaseTransaction,
    live: Option<Position>,
}

impl Rebuild {
    /// Locks the live position.
    pub async fn lock_live(&self) -> Result<Locked, StoreError> {
        let transaction = self.store.begin_write().await.attempting(LOCKING)?;
        Self::lock(transaction).await
    }

    /// Locks the live position where the tables can be swapped next. Nothing where somebody vacuums them who does not
    /// give way.
    pub async fn lock_to_swap(&self) -> Result<Option<Locked>, StoreError> {
        let transaction = self.store.begin_write().await.attempting(LOCKING)?;
        match keep_maintenance_off(&transaction).await {
            Ok(()) => Self::lock(transaction).await.map(Some),
            Err(error) if timed_out(&error) => Ok(None),
            Err(error) => Err(error).attempting(LOCKING),
        }
    }

    async fn lock(transaction: DatabaseTransaction) -> Result<Locked, StoreError> {
        let row = checkpoint::Entity::find_by_id(NOTIFICATIONS).lock_exclusive();
        row.one(&transaction).await.attempting(LOCKING)?;
        let live = position(&transaction, NOTIFICATIONS).await?;
        Ok(Locked { transaction, live })
    }

    /// Waits a moment after a swap that others were in the way of.
    pub async fn give_way(&self) {
        tokio::time::sleep(PAUSE).await;
    }
}

impl Locked {
    /// Where the live tables stand.
    pub fn live(&self) -> Option<&Position> {
        self.live.as_ref()
    }

    /// Writes a batch to the new tables, as [`Rebuild::project`] does.
    pub async fn project(
        &self,
        expected: &Position,
        new: &Position,
        batch: &ProjectedBatch,
    ) -> Result<(), StoreError> {
        project(&self.transaction, expected, new, batch).await
    }

    /// Keeps what was projected, and lets the projector go on.
    pub async fn release(self) -> Result<(), StoreError> {
        self.transaction
            .commit()
            .await
            .attempting("letting the projector go on")
    }

    /// Puts the new tables, which have come to `reached`, in place of the live ones. Nothing where others read for so long
    /// that they would be kept waiting.
    pub async fn swap(self, reached: &Position) -> Result<Option<()>, StoreError> {
        let attempted = "putting the new tables in place";
        if position(&self.transaction, REBUILT).await?.as_ref() != Some(reached) {
            return Err(StoreError::OtherRebuild);
        }
        if self.live.as_ref() != Some(reached) {
            let moved = advance(&self.transaction, NOTIFICATIONS, self.live.as_ref(), reached).await;
            if moved.attempting(attempted)? == Projected::Lost {
                return Ok(None);
            }
        }
        match exchange(&self.transaction).await {
            Ok(()) => {}
            Err(error) if timed_out(&error) => return Ok(None),
            Err(error) => return Err(error).attempting(attempted),
        }
        self.transaction.commit().await.attempting(attempted)?;
        Ok(Some(()))
    }
}

/// Writes a batch to the new tables and moves their position.
pub(super) async fn project(
    transaction: &DatabaseTransaction,
    expected: &Position,
    new: &Position,
    batch: &ProjectedBatch,
) -> Result<(), StoreError> {
    let moved = advance(transaction, REBUILT, Some(expected), new).await;
    if moved.attempting("moving the position of a rebuild")? == Projected::Lost {
        return Err(StoreError::OtherRebuild);
    }
    projection::write(transaction, &REBUILD, batch).await
}

/// Ends the autovacuums of the live tables, and keeps others from beginning. Who reads and who writes go on.
async fn keep_maintenance_off(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    if !is_postgres(transaction) {
        return Ok(());
    }
    transaction.execute_unprepared(MAINTENANCE_TIMEOUT).await?;
    for shape in SHAPES {
        let lock = format!("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE", shape.live);
        transaction.execute_unprepared(&lock).await?;
    }
    transaction
        .execute_unprepared("SET LOCAL lock_timeout TO DEFAULT")
        .await?;
    Ok(())
}

async fn exchange(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    if is_postgres(transaction) {
        transaction.execute_unprepared(LOCK_TIMEOUT).await?;
        for shape in SHAPES {
            let lock = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", shape.live);
            transaction.execute_unprepared(&lock).await?;
        }
    }
    for shape in SHAPES {
        let indexes = indexes::of(transaction, shape).await?;
        for statement in renaming(shape, &indexes, is_postgres(transaction)) {
            transaction.execute_unprepared(&statement).await?;
        }
    }
    let forget = format!("DELETE FROM projection_checkpoint WHERE name = '{REBUILT}'");
    transaction.execute_unprepared(&forget).await?;
    Ok(())
}

/// Afterwards everything has the names that migrations know.
fn renaming(shape: Shape, indexes: &[Index], postgres: bool) -> Vec<String> {
    let (live, rebuild, replaced) = (shape.live, shape.rebuild(), shape.replaced());
    let mut statements = vec![
        format!("ALTER TABLE {live} RENAME TO {replaced}"),
        format!("ALTER TABLE {rebuild} RENAME TO {live}"),
    ];
    for index in indexes {
        let (name, rebuild, replaced) = (&index.name, index.rebuild_name(), index.replaced_name());
        if postgres {
            statements.push(format!("ALTER INDEX {name} RENAME TO {replaced}"));
            statements.push(format!("ALTER INDEX {rebuild} RENAME TO {name}"));
        } else {
            // SQLite gives an index no other name.
            statements.push(format!("DROP INDEX {name}"));
            statements.push(format!("DROP INDEX {rebuild}"));
            statements.push(index.create(name, live));
        }
    }
    statements
}

/// `lock_not_available`.
fn timed_out(error: &DbErr) -> bool {
    crate::error::sql_state(error).as_deref() == Some("55P03")
}
