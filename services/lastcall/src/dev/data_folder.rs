//! The folder that holds everything of one `lastcall dev`.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use service_kit::secret::Secret;
use uuid::Uuid;

/// A data folder that no other process uses.
pub(super) struct DataFolder {
    path: PathBuf,
    /// Held for as long as the process lives; the system lets go of it whatever becomes of the process.
    _lock: File,
}

impl DataFolder {
    /// Makes the folder if need be and takes it. Two processes on one folder would be two servers on one store.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let failed = || format!("cannot use the data folder {}", path.display());
        fs::create_dir_all(path).with_context(failed)?;
        let path = path.canonicalize().with_context(failed)?;
        let lock = File::create(path.join("lock")).with_context(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => bail!(
                "another `lastcall dev` uses {}; stop it, or choose another folder with --data",
                path.display()
            ),
            Err(TryLockError::Error(error)) => Err(error).with_context(failed),
        }
    }

    /// Something in the folder. The folder's own path is absolute.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A key or a token that is kept under this name, made at the first start.
    pub(super) fn secret(&self, name: &str) -> anyhow::Result<Secret> {
        let path = self.path(name);
        match fs::read_to_string(&path) {
            Ok(key) => return Ok(Secret::new(key.trim())),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
        // Two random UUIDs are 244 random bits, from the system's source.
        let key = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let temporary = self.path(&format!("{name}.new"));
        let written = || -> std::io::Result<()> {
            let mut options = File::options();
            let mut file = options
                .create(true)
                .write(true)
                .truncate(true)
                .mode(0o600)
                .open(&temporary)?;
            file.write_all(key.as_bytes())?;
            fs::rename(&temporary, &path)
        };
        written().with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Secret::new(key))
    }

    /// Removes a file that is true only while the process runs.
    pub(super) fn forget(&self, name: &str) {
        if let Err(error) = fs::remove_file(self.path(name)) {
            tracing::debug!(name, %error, "could not remove a file");
        }
    }
}
