//! Programs that a machine may lack. A test that needs one of them says loudly that it is skipped.

use std::io::Write as _;
use std::path::PathBuf;

/// Where daemons are that are for root, and so not on everybody's `PATH`.
const SYSTEM: &str = "/usr/sbin";

/// The first program of that name, on `PATH` or among the system's daemons.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from(SYSTEM)])
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// Says that something is not tested here, and why.
pub fn skipped(why: &str) {
    // Not by a macro: the test harness would keep it to itself.
    let line = format!("SKIPPED: {why}\n");
    // Nobody is left to be told when standard error is closed.
    let _ = std::io::stderr().write_all(line.as_bytes());
}
