//! What a command says on standard output.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};

/// Writes a line.
///
/// # Errors
///
/// Also when whoever reads has gone, as `head` does once it has enough: see [`reader_is_gone`].
pub(crate) fn say(line: impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

/// Whether a command failed only because nobody reads on: then it has done its work.
pub(crate) fn reader_is_gone(error: &anyhow::Error) -> bool {
    let mut causes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}
