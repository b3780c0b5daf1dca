use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::{Store, StoreError};

/// The right to be the one scheduler of a SQLite file, until dropped. The operating system takes it back however the
/// process ends.
#[derive(Debug)]
#[must_use = "another scheduler may begin as soon as this is dropped"]
pub struct SchedulingLock {
    /// Open, and locked by that. Nothing for PostgreSQL, whose schedulers agree by leases.
    _file: Option<File>,
}

/// Added to the name of the database's file. The file stays when the lock is gone: whoever removed it could remove one
/// that somebody else has just locked.
const SUFFIX: &str = ".scheduler.lock";

impl Store {
    /// Keeps other processes from being a scheduler of the same SQLite file until the lock is dropped. PostgreSQL takes
    /// any number of schedulers and needs none.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherScheduler`] where there is one already, and [`StoreError::LockFile`] where that cannot be found
    /// out.
    pub fn lock_for_scheduling(&self) -> Result<SchedulingLock, StoreError> {
        let Some(database) = self.sqlite_file() else {
            return Ok(SchedulingLock { _file: None });
        };
        // Other names for the same file lead to the same lock.
        let database = fs::canonicalize(database).map_err(unusable(database))?;
        let mut path = database.into_os_string();
        path.push(SUFFIX);
        let path = PathBuf::from(path);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(unusable(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(file, path)),
            Err(TryLockError::Error(error)) => return Err(unusable(&path)(error)),
        }
        sign(&mut file).map_err(unusable(&path))?;
        Ok(SchedulingLock { _file: Some(file) })
    }
}

/// Leaves the number of this process for the message that another one gets.
fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn held(mut file: File, lock: PathBuf) -> StoreError {
    let mut text = String::new();
    let read = file.read_to_string(&mut text);
    StoreError::OtherScheduler {
        // Nothing, in the moment between its lock and its number.
        pid: read.ok().and_then(|_| text.trim().parse().ok()),
        lock,
    }
}

fn unusable(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let lock = path.to_owned();
    |source| StoreError::LockFile { lock, source }
}
