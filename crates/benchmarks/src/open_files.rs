//! How many files, and with them sockets, a process may have open.

use anyhow::ensure;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes as many as this process may have; those that it starts get as many.
pub fn raise() -> anyhow::Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    )?;
    Ok(())
}

/// Makes sure of so many.
pub fn ensure(files: u64) -> anyhow::Result<()> {
    let Rlimit { current, .. } = getrlimit(Resource::Nofile);
    ensure!(
        current.is_none_or(|limit| limit >= files),
        "a process may have {} open files and needs {files}: raise the limit (ulimit -n), or take fewer --streams",
        current.unwrap_or_default()
    );
    Ok(())
}
