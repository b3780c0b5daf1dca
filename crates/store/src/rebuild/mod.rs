//! Building the projected tables anew, beside those that everybody reads and the projector writes.
//!
//! 1. [`Store::start_rebuild`] takes the lock, drops what an earlier rebuild left behind and makes empty tables that are
//!    like the live ones, under other names.
//! 2. [`Rebuild::load`] fills them, person by person: of everything that the log says to and of one person, [`Maker`]
//!    makes rows in their final state, so that nothing that was written has to be changed. PostgreSQL gets them by COPY,
//!    and its indexes afterwards ([`Rebuild::index`]).
//! 3. From then on the tables are projected to like the live ones ([`Rebuild::project`]), by a position of their own.
//! 4. [`Rebuild::compare`] looks at both in one snapshot in which they stand at the same position.
//! 5. [`Locked::swap`] exchanges their names, in one transaction that holds the live position.
//!
//! Killed at any line, the live tables are whole: either the old ones or the new ones.

mod compare;
mod copy;
mod indexes;
mod lines;
mod lock;
mod rows;
mod shape;
mod swap;
mod take_over;

use sea_orm::{ConnectionTrait, DbBackend, DbErr};

pub use compare::{Comparison, Difference, Differs, TableComparison};
pub use rows::{Announced, Maker, Prepared};
pub use swap::Locked;
pub use take_over::{KeptPreferences, TakenOver};

use crate::error::Attempting;
use crate::projection::{self, Position, ProjectedBatch, advance, position};
use crate::{Store, StoreError};

use lock::RebuildLock;
use rows::Form;
use shape::SHAPES;

/// The position of the tables that are being built, beside that of the live ones.
const REBUILT: &str = "rebuild";

/// Tables that are being built.
#[derive(Debug)]
pub struct Rebuild {
    store: Store,
    lock: RebuildLock,
}

impl Store {
    /// Begins to build the projected tables anew.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherRebuild`] where somebody else is at it.
    pub async fn start_rebuild(&self) -> Result<Rebuild, StoreError> {
        let lock = lock::take(self).await?;
        let mut rebuild = Rebuild {
            store: self.clone(),
            lock,
        };
        rebuild.clear().await?;
        rebuild
            .make_tables()
            .await
            .attempting("making tables for a rebuild")?;
        Ok(rebuild)
    }
}

impl Rebuild {
    /// Writes rows. Nothing finds or changes them until [`Rebuild::index`].
    pub async fn load(&mut self, prepared: Prepared) -> Result<(), StoreError> {
        let attempted = "loading rows of a rebuild";
        let loading = match (&mut self.lock, prepared.0) {
            (RebuildLock::Postgres(sessions), Form::Copy(rows)) => copy::load(sessions, &rows).await,
            (_, Form::Rows(rows)) => rows.insert(&self.store).await,
            (_, Form::Copy(_)) => Err(DbErr::Custom("the rows are for another engine".to_owned())),
        };
        loading.attempting(attempted)
    }

    /// Makes what is loaded ready to be projected to, from this position on.
    pub async fn index(&mut self, reached: &Position) -> Result<(), StoreError> {
        indexes::make(&self.store, &mut self.lock)
            .await
            .attempting("making the indexes of a rebuild")?;
        let attempted = "storing the position of a rebuild";
        let transaction = self.store.begin_write().await.attempting(attempted)?;
        advance(&transaction, REBUILT, None, reached)
            .await
            .attempting(attempted)?;
        transaction.commit().await.attempting(attempted)
    }

    /// How far the live tables are.
    pub async fn live_position(&self) -> Result<Option<Position>, StoreError> {
        position(self.store.connection(), projection::NOTIFICATIONS).await
    }

    /// Writes a batch to the new tables and moves their position, or does neither.
    ///
    /// # Errors
    ///
    /// As [`Store::project`]; and [`StoreError::OtherRebuild`] where the position is not the expected one.
    pub async fn project(
        &self,
        expected: &Position,
        new: &Position,
        batch: &ProjectedBatch,
    ) -> Result<(), StoreError> {
        let attempted = "moving the position of a rebuild";
        let transaction = self.store.begin_write().await.attempting(attempted)?;
        swap::project(&transaction, expected, new, batch).await?;
        transaction.commit().await.attempting(attempted)
    }

    /// Drops everything that a rebuild makes: the new tables, or after a swap the old ones.
    pub async fn clear(&mut self) -> Result<(), StoreError> {
        let attempted = "dropping the tables of a rebuild";
        // One at a time: on SQLite everybody who writes waits as long as this takes.
        for shape in SHAPES {
            for table in [shape.rebuild(), shape.replaced()] {
                let drop = format!("DROP TABLE IF EXISTS {table}");
                self.execute(&drop).await.attempting(attempted)?;
            }
        }
        let forget = format!("DELETE FROM projection_checkpoint WHERE name = '{REBUILT}'");
        self.execute(&forget).await.attempting(attempted)
    }

    async fn make_tables(&mut self) -> Result<(), DbErr> {
        for shape in SHAPES {
            for statement in shape.like_the_live_one(&self.store).await? {
                self.execute(&statement).await?;
            }
        }
        Ok(())
    }

    async fn execute(&mut self, statement: &str) -> Result<(), DbErr> {
        self.lock.session(&self.store).execute(statement).await
    }
}

fn is_postgres(connection: &impl ConnectionTrait) -> bool {
    connection.get_database_backend() == DbBackend::Postgres
}
