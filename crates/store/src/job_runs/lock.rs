use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};

use crate::file_lock::{LockFile, unusable};
use crate::{Store, StoreError};

/// The right to be the one scheduler of a SQLite file, until dropped. The operating system takes it back however the
/// process ends.
#[derive(Debug)]
#[must_use = "another scheduler may begin as soon as this is dropped"]
pub struct SchedulingLock {
    /// Open and locked. Nothing for PostgreSQL, whose schedulers agree by leases.
    _file: Option<LockFile>,
}

/// Added to the name of the database's file.
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
        let mut lock = LockFile::beside(database, SUFFIX)?;
        if !lock.try_lock()? {
            return Err(held(lock));
        }
        sign(&mut lock.file).map_err(unusable(&lock.path))?;
        Ok(SchedulingLock { _file: Some(lock) })
    }
}

/// Leaves the number of this process for the message that another one gets.
fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn held(mut lock: LockFile) -> StoreError {
    let mut text = String::new();
    let read = lock.file.read_to_string(&mut text);
    StoreError::OtherScheduler {
        // Nothing, in the moment between its lock and its number.
        pid: read.ok().and_then(|_| text.trim().parse().ok()),
        lock: lock.path,
    }
}
