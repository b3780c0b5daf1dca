use sea_orm::{
    AccessMode, DatabaseTransaction, DbBackend, DbErr, IsolationLevel, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
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
}
