use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, IsolationLevel, Selector,
    SelectorTrait, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};

use crate::Store;

impl Store {
    /// A transaction that may write. On SQLite it waits for the one write lock here and not at its first write, where
    /// it would be refused if somebody else had written since it began.
    pub(crate) async fn begin_write(&self) -> Result<DatabaseTransaction, DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.connection().begin_with_options(options).await
    }

    /// A transaction whose reads all see the same state.
    pub(crate) async fn begin_snapshot(&self) -> Result<DatabaseTransaction, DbErr> {
        let options = match self.connection().get_database_backend() {
            DbBackend::Postgres => TransactionOptions {
                isolation_level: Some(IsolationLevel::RepeatableRead),
                access_mode: Some(AccessMode::ReadOnly),
                ..TransactionOptions::default()
            },
            // Any transaction of SQLite is such a one, in WAL mode without keeping writers waiting.
            _ => TransactionOptions::default(),
        };
        self.connection().begin_with_options(options).await
    }

    /// A transaction whose reads all see the same state of the projected tables.
    ///
    /// PostgreSQL finds tables by their names of now and rows by the snapshot. In a snapshot of before the swap of a
    /// [rebuild](crate::rebuild), the new tables would lack what was written to them last; so the lock comes first, which
    /// takes no snapshot yet and waits for a swap that is under way.
    pub(crate) async fn begin_inbox_snapshot(&self) -> Result<DatabaseTransaction, DbErr> {
        let snapshot = self.begin_snapshot().await?;
        if snapshot.get_database_backend() == DbBackend::Postgres {
            let lock = "LOCK TABLE notifications IN ACCESS SHARE MODE";
            snapshot.execute_unprepared(lock).await?;
        }
        Ok(snapshot)
    }

    /// A transaction whose reads all see the same state, page by page ([`page_by_index`]).
    pub(crate) async fn begin_paging(&self) -> Result<DatabaseTransaction, DbErr> {
        let snapshot = self.begin_snapshot().await?;
        page_by_index(&snapshot).await?;
        Ok(snapshot)
    }

    /// One page, found by the indexes.
    pub(crate) async fn read_page<S>(&self, page: Selector<S>) -> Result<Vec<S::Item>, DbErr>
    where
        S: SelectorTrait + Send + Sync,
    {
        let snapshot = self.begin_paging().await?;
        let rows = page.all(&snapshot).await?;
        snapshot.commit().await?;
        Ok(rows)
    }
}

/// From here on PostgreSQL looks rows up by their indexes and in the order of those, page by page.
///
/// It knows how many rows there are from its last look at the statistics. Where many came since, as before a settlement
/// whose pledges were just imported, it would read and sort all that is left for every page, and a run would take time
/// by the square of its rows. And what is joined it would keep for a second use that most pages do not make. SQLite goes
/// by the indexes anyway.
///
/// What has no index to go by costs more than anything then, as PostgreSQL sees it, and it would spend a tenth of a second on
/// compiling a statement that takes a millisecond.
pub(crate) async fn page_by_index(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    if transaction.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    transaction.execute_unprepared(BY_INDEX).await?;
    Ok(())
}

const BY_INDEX: &str = "SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_seqscan = off; \
                        SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; \
                        SET LOCAL enable_material = off; SET LOCAL enable_memoize = off; SET LOCAL jit = off";
