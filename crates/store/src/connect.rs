//! Opening a database, by its URL.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr};
use serde::{Deserialize, Serialize};

use crate::error::{Attempting, StoreError, is_busy};

/// How long a start waits for a PostgreSQL that is not up yet, and a statement for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long SQLite waits for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Between two tries at opening a file that somebody else is just making.
const OPEN_PAUSE: Duration = Duration::from_millis(20);

/// Any number, the same in every process: only one migrates at a time.
const MIGRATION_LOCK: &str = "SELECT pg_advisory_xact_lock(7809644628436217)";

/// Where the tables are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// `sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`. The SQLite file is made when it is missing.
    pub url: String,
    /// How many connections this process opens at most.
    pub max_connections: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: "sqlite:lastcall.db".to_owned(),
            max_connections: 10,
        }
    }
}

/// An open database. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Store {
    connection: DatabaseConnection,
    /// Nothing for PostgreSQL.
    sqlite_file: Option<PathBuf>,
}

impl Store {
    /// Opens the database and checks that it answers. Waits up to ten seconds for a PostgreSQL that is not up yet.
    pub async fn connect(settings: &Settings) -> Result<Self, StoreError> {
        let url = settings.url.as_str();
        let refused = |advice, source: Option<DbErr>| StoreError::Connect {
            url: without_secrets(url),
            advice,
            source: source.map(Into::into),
        };
        let (mut options, advice) = if let Some(path) = sqlite_path(url) {
            if path.is_empty() || path.starts_with(':') || path.contains('?') {
                return Err(refused(
                    "write it as sqlite:PATH, with a file and no parameters",
                    None,
                ));
            }
            (
                sqlite(path.to_owned()),
                "check that its folder exists and may be written to",
            )
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            (
                ConnectOptions::new(url),
                "check that the server runs there and lets this user in",
            )
        } else {
            return Err(refused(
                "write it as sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE",
                None,
            ));
        };
        options
            .max_connections(settings.max_connections.max(1))
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .sqlx_logging(false);
        let connection = open(options).await.map_err(|e| refused(advice, Some(e)))?;
        Ok(Self {
            connection,
            sqlite_file: sqlite_path(url).map(PathBuf::from),
        })
    }

    /// Applies what is missing of the migrations, all or nothing, and says how many that were. Processes that do this
    /// at once wait for one another.
    pub async fn migrate(&self) -> Result<usize, StoreError> {
        self.apply_migrations().await.attempting("migrating the tables")
    }

    async fn apply_migrations(&self) -> Result<usize, DbErr> {
        let transaction = self.begin_write().await?;
        if transaction.get_database_backend() == DbBackend::Postgres {
            transaction.execute_unprepared(MIGRATION_LOCK).await?;
        }
        let pending = Migrator::get_pending_migrations(&transaction).await?.len();
        Migrator::up(&transaction, None).await?;
        transaction.commit().await?;
        Ok(pending)
    }

    /// Names of the migrations that are still to be applied. Changes nothing.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, StoreError> {
        let pending = Migrator::get_pending_migrations_read_only(&self.connection)
            .await
            .attempting("reading which migrations are applied")?;
        Ok(pending
            .iter()
            .map(|migration| migration.name().to_owned())
            .collect())
    }

    pub(crate) fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    pub(crate) fn sqlite_file(&self) -> Option<&Path> {
        self.sqlite_file.as_deref()
    }
}

/// Switching a new file to WAL needs it for oneself, and SQLite does not wait for that as it does for a write: of two
/// processes that start on a new folder, one would fail.
async fn open(options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match Database::connect(options.clone()).await {
            Err(error) if is_busy(&error) && Instant::now() < deadline => {
                tokio::time::sleep(OPEN_PAUSE).await;
            }
            result => return result,
        }
    }
}

fn sqlite_path(url: &str) -> Option<&str> {
    url.strip_prefix("sqlite://")
        .or_else(|| url.strip_prefix("sqlite:"))
}

/// The path is handed over as it is: in a URL, a space, `%` or `#` in it would mean something else.
fn sqlite(path: String) -> ConnectOptions {
    let mut options = ConnectOptions::new("sqlite:file");
    options.map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .filename(&path)
            .create_if_missing(true)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("journal_mode", "WAL")
            // A power failure loses the last commits, never the database. Who cannot have that uses PostgreSQL.
            .pragma("synchronous", "NORMAL")
            // Rows come in the order of no index: with SQLite's own 2 MB of cache and a checkpoint for every 4 MB of
            // journal, each page is written again and again, and an import takes half as long again.
            .pragma("cache_size", "-16384")
            .pragma("wal_autocheckpoint", "10000")
    });
    options
}

/// The URL as it may be shown: no password, and no parameters, since one of them may be a password too.
fn without_secrets(url: &str) -> String {
    let url = url.split('?').next().unwrap_or(url);
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    match rest.rsplit_once('@') {
        Some((user, place)) => {
            let name = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{name}@{place}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_without_secrets() {
        let shown = without_secrets;
        assert_eq!(
            shown("postgres://ann:s3@cret@db:5432/x?password=y"),
            "postgres://ann@db:5432/x"
        );
        assert_eq!(shown("postgres://db/x"), "postgres://db/x");
        assert_eq!(shown("sqlite:a b.db"), "sqlite:a b.db");
    }

    #[test]
    fn settings_that_nobody_knows_are_refused() {
        let read = serde_json::from_str::<Settings>;
        assert_eq!(read(r#"{"url":"sqlite:x"}"#).unwrap().max_connections, 10);
        assert!(
            read(r#"{"uri":"sqlite:x"}"#)
                .unwrap_err()
                .to_string()
                .contains("uri")
        );
    }
}
