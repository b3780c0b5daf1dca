use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::Kind;

/// What became of a file.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    #[serde(skip)]
    pub(super) kind: Kind,
    /// Rows that are in the tables now.
    pub(crate) accepted: u64,
    /// Rows that were left out.
    pub(crate) rejected: u64,
    /// Headers of the file that are no column of ours, or keys of its objects; the first hundred.
    pub(crate) ignored_headers: Vec<String>,
    /// Where the rejected rows are, if there are any.
    pub(crate) rejects_file: Option<PathBuf>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} accepted, {} rejected",
            self.accepted, self.kind, self.rejected
        )?;
        if let Some(file) = &self.rejects_file {
            write!(f, "; see {}", file.display())?;
        }
        if !self.ignored_headers.is_empty() {
            let names = self.ignored_headers.join(", ");
            write!(
                f,
                "\n{} other columns ignored: {names}",
                self.ignored_headers.len()
            )?;
        }
        Ok(())
    }
}
