//! Rights to a SQLite file that one process has at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::StoreError;

/// A file beside the database's that stands for such a right. Whoever locks it has the right until it is closed: the
/// operating system takes it back however the process ends.
///
/// The file stays. Whoever removed it could remove one that somebody else has just locked.
#[derive(Debug)]
pub(crate) struct LockFile {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
}

impl LockFile {
    /// Opens the one whose name is that of the database with a suffix.
    pub(crate) fn beside(database: &Path, suffix: &str) -> Result<Self, StoreError> {
        // Other names for the same file lead to the same lock.
        let database = fs::canonicalize(database).map_err(unusable(database))?;
        let mut path = database.into_os_string();
        path.push(suffix);
        let path = PathBuf::from(path);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(unusable(&path))?;
        Ok(Self { file, path })
    }

    /// Locks it, unless another process has.
    pub(crate) fn try_lock(&self) -> Result<bool, StoreError> {
        match self.file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(unusable(&self.path)(error)),
        }
    }
}

pub(crate) fn unusable(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let lock = path.to_owned();
    |source| StoreError::LockFile { lock, source }
}
