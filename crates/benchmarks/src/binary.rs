//! Which binary is measured.

use std::path::PathBuf;

use anyhow::ensure;

/// The one that is named, else the one beside this program.
pub fn measured(named: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let lastcall = match named {
        Some(lastcall) => lastcall,
        None => std::env::current_exe()?.with_file_name("lastcall"),
    };
    ensure!(
        lastcall.is_file(),
        "there is no {}: build it first",
        lastcall.display()
    );
    Ok(lastcall)
}
