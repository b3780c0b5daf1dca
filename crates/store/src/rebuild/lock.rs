//! One rebuild at a time.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::sqlx::{self, AssertSqlSafe, PgConnection, Row as _};
use sea_orm::{ConnectionTrait, DbErr, RuntimeErr};

use super::is_postgres;
use crate::error::Attempting;
use crate::file_lock::LockFile;
use crate::{Store, StoreError};

/// Any number, the same in every process.
const LOCK: &str = "SELECT pg_try_advisory_lock(4480129387712250)";

/// How long PostgreSQL may take to notice that a rebuild was killed.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(200);

/// Added to the name of the SQLite file.
const SUFFIX: &str = ".rebuild.lock";

/// The right to rebuild, until dropped. It is taken back however the process ends.
#[derive(Debug)]
pub(super) enum RebuildLock {
    /// A session that holds an advisory lock, and in which everything is loaded: when it ends, so does the loading.
    Postgres(Box<PgConnection>),
    /// An open file that is locked.
    Sqlite { _file: LockFile },
}

/// Without waiting for disks while tables are filled that nobody reads; a swap waits for everything before it. What a
/// sort may take is what an operator gives to one `CREATE INDEX`.
const SESSION: &str = "SET synchronous_commit = off; SET maintenance_work_mem = '256MB'; \
                       SET client_connection_check_interval = '2s'";

pub(super) async fn take(store: &Store) -> Result<RebuildLock, StoreError> {
    let attempted = "locking the tables for a rebuild";
    if let Some(database) = store.sqlite_file() {
        return lock_file(database);
    }
    let mut session = session(store).await.attempting(attempted)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        if try_lock(&mut session).await.attempting(attempted)? {
            return Ok(RebuildLock::Postgres(Box::new(session)));
        }
        if Instant::now() > deadline {
            return Err(StoreError::OtherRebuild);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn session(store: &Store) -> Result<PgConnection, DbErr> {
    let pool = store.connection().get_postgres_connection_pool();
    // Not given back, where the lock would live on in it.
    let mut session = pool.acquire().await.map_err(database)?.detach();
    sqlx::raw_sql(SESSION)
        .execute(&mut session)
        .await
        .map_err(database)?;
    Ok(session)
}

async fn try_lock(session: &mut PgConnection) -> Result<bool, DbErr> {
    let row = sqlx::raw_sql(LOCK).fetch_one(session).await.map_err(database)?;
    row.try_get(0).map_err(database)
}

fn lock_file(database: &Path) -> Result<RebuildLock, StoreError> {
    let file = LockFile::beside(database, SUFFIX)?;
    match file.try_lock()? {
        true => Ok(RebuildLock::Sqlite { _file: file }),
        false => Err(StoreError::OtherRebuild),
    }
}

impl RebuildLock {
    /// Executes a statement, on PostgreSQL in the session that holds the lock.
    pub(super) async fn execute(&mut self, store: &Store, statement: &str) -> Result<(), DbErr> {
        match self {
            Self::Postgres(session) => {
                let statement = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
                statement.execute(&mut **session).await.map_err(database)?;
            }
            Self::Sqlite { .. } => {
                debug_assert!(!is_postgres(store.connection()), "the lock is a file of SQLite");
                store.connection().execute_unprepared(statement).await?;
            }
        }
        Ok(())
    }
}

pub(super) fn database(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error)))
}
