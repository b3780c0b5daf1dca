//! One rebuild at a time.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::sqlx::{self, AssertSqlSafe, PgConnection, Row as _};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, RuntimeErr};

use crate::error::Attempting;
use crate::file_lock::LockFile;
use crate::{Store, StoreError};

/// Any two numbers, the same in every process.
const LOCKS: [i64; 2] = [4_480_129_387_712_250, 4_480_129_387_712_251];

/// How long PostgreSQL may take to notice that a rebuild was killed.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(200);

/// Added to the name of the SQLite file.
const SUFFIX: &str = ".rebuild.lock";

/// The right to rebuild, until dropped. It is taken back however the process ends.
#[derive(Debug)]
pub(super) enum RebuildLock {
    /// Sessions in which everything is loaded: when they end, so does the loading.
    Postgres(Box<Sessions>),
    /// An open file that is locked.
    Sqlite { _file: LockFile },
}

/// Two, since one session of PostgreSQL copies with one processor. Each holds an advisory lock of its own, and whoever begins
/// needs both: a session that outlives the other must not load into somebody else's tables.
#[derive(Debug)]
pub(super) struct Sessions {
    /// Loads what people are told.
    pub(super) told: PgConnection,
    /// Loads all other tables.
    pub(super) others: PgConnection,
}

/// Where a statement is executed.
pub(super) enum Session<'a> {
    Postgres(&'a mut PgConnection),
    Sqlite(&'a DatabaseConnection),
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
    let mut told = session(store).await.attempting(attempted)?;
    let mut others = session(store).await.attempting(attempted)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let [first, second] = LOCKS;
        if try_lock(&mut told, first).await.attempting(attempted)?
            && try_lock(&mut others, second).await.attempting(attempted)?
        {
            return Ok(RebuildLock::Postgres(Box::new(Sessions { told, others })));
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

async fn try_lock(session: &mut PgConnection, lock: i64) -> Result<bool, DbErr> {
    let question = AssertSqlSafe(format!("SELECT pg_try_advisory_lock({lock})"));
    let row = sqlx::raw_sql(question)
        .fetch_one(session)
        .await
        .map_err(database)?;
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
    /// Where statements are executed, on PostgreSQL while the locks are held.
    pub(super) fn session<'a>(&'a mut self, store: &'a Store) -> Session<'a> {
        match self {
            Self::Postgres(sessions) => Session::Postgres(&mut sessions.told),
            Self::Sqlite { .. } => Session::Sqlite(store.connection()),
        }
    }
}

impl Session<'_> {
    pub(super) async fn execute(&mut self, statement: &str) -> Result<(), DbErr> {
        match self {
            Self::Postgres(session) => {
                let statement = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
                statement.execute(&mut **session).await.map_err(database)?;
            }
            Self::Sqlite(connection) => {
                connection.execute_unprepared(statement).await?;
            }
        }
        Ok(())
    }
}

pub(super) fn database(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error)))
}
