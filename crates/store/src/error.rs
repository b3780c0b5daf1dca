use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use sea_orm::sqlx;
use sea_orm::{DbErr, RuntimeErr};
use uuid::Uuid;

/// Why something was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database could not be opened.
    #[error("cannot open the database {url}; {advice}")]
    Connect {
        /// Which one, without its password.
        url: String,
        /// What may help.
        advice: &'static str,
        /// What the database said.
        source: Option<Cause>,
    },
    /// The database refused or failed.
    #[error("the database failed while {attempted}")]
    Database {
        /// What was attempted, as in "reading users".
        attempted: &'static str,
        /// What the database said.
        source: Cause,
    },
    /// A stored value is none that this version writes.
    #[error("{row} has {found:?} stored as its {column}")]
    Stored {
        /// Which row, as `<table> <key>`.
        row: String,
        /// Which column.
        column: &'static str,
        /// What it holds.
        found: String,
    },
    /// A newer attempt has taken over the run; this one may not write any more.
    #[error("attempt {number} of run {run_id} is over: another attempt has begun or this one has ended")]
    AttemptOver {
        /// The run.
        run_id: Uuid,
        /// The attempt that is over.
        number: u32,
    },
    /// A SQLite file has one scheduler, and it is another process.
    #[error(
        "{} is the scheduler of this SQLite database already (it holds {}); stop it first, or use PostgreSQL, which takes \
         several schedulers",
        process(*.pid), lock.display()
    )]
    OtherScheduler {
        /// Which process, where it has said so.
        pid: Option<u32>,
        /// The file that it has locked.
        lock: PathBuf,
    },
    /// The tables are being rebuilt already, or another rebuild has taken this one's place.
    #[error("another rebuild of the notification tables is at work; there can be one at a time")]
    OtherRebuild,
    /// It cannot be found out whether a SQLite file is locked by another process.
    #[error("cannot lock {}", lock.display())]
    LockFile {
        /// The file to be locked.
        lock: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

/// What the database said.
#[derive(Debug)]
pub struct Cause(DbErr);

impl StoreError {
    /// Whether the database refused the rows themselves (a value it cannot keep, a constraint), so that the same rows
    /// will be refused again and others would not.
    pub fn refuses_rows(&self) -> bool {
        match self {
            Self::Database { source, .. } => source.refuses_rows(),
            Self::Connect { .. }
            | Self::Stored { .. }
            | Self::AttemptOver { .. }
            | Self::OtherScheduler { .. }
            | Self::OtherRebuild
            | Self::LockFile { .. } => false,
        }
    }
}

impl Cause {
    pub(crate) fn refuses_rows(&self) -> bool {
        match sqlite_code(&self.0) {
            // Too big, constraint, mismatch.
            Some(code) => matches!(code, 18..=20),
            None => {
                let state = sql_state(&self.0).unwrap_or_default();
                // SQLSTATE classes: data exception, integrity constraint violation, program limit exceeded.
                ["22", "23", "54"].iter().any(|class| state.starts_with(class))
            }
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SeaORM and SQLx put their own prefixes before what the engine said; the engine's words are enough.
        match engine(&self.0) {
            Some(sqlx::Error::Database(error)) => f.write_str(error.message()),
            Some(error) => error.fmt(f),
            None => self.0.fmt(f),
        }
    }
}

impl Error for Cause {}

impl From<DbErr> for Cause {
    fn from(error: DbErr) -> Self {
        Self(error)
    }
}

/// Whether SQLite found the file locked by somebody else.
pub(crate) fn is_busy(error: &DbErr) -> bool {
    sqlite_code(error) == Some(5)
}

/// What PostgreSQL calls the error: five characters.
pub(crate) fn sql_state(error: &DbErr) -> Option<String> {
    let error = engine(error)?.as_database_error()?;
    Some(error.code()?.into_owned())
}

fn engine(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

/// SQLite's primary result code; what it carries above the lowest byte is detail.
fn sqlite_code(error: &DbErr) -> Option<u32> {
    let error = engine(error)?.as_database_error()?;
    error.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
    Some(error.code()?.parse::<u32>().ok()? & 0xff)
}

/// Says what was attempted when a statement failed.
pub(crate) trait Attempting<T> {
    fn attempting(self, attempted: &'static str) -> Result<T, StoreError>;
}

impl<T> Attempting<T> for Result<T, DbErr> {
    fn attempting(self, attempted: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| StoreError::Database {
            attempted,
            source: Cause(error),
        })
    }
}
