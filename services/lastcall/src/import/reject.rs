use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// How much of a bad value is shown.
const SHOWN_CHARS: usize = 200;

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// The header of the column, where it is about one.
    pub(super) column: Option<String>,
    pub(super) reason: String,
    /// What the column or the line holds, cut short.
    pub(super) value: String,
}

/// A row that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reject {
    /// The line it begins on, counted from 1.
    pub(super) line: u64,
    pub(super) fault: Fault,
}

impl Fault {
    pub(super) fn of_row(reason: impl Into<String>, value: &[u8]) -> Self {
        Self {
            column: None,
            reason: reason.into(),
            value: excerpt(value),
        }
    }

    pub(super) fn of_column(column: &str, reason: impl Into<String>, value: &[u8]) -> Self {
        Self {
            column: Some(column.to_owned()),
            reason: reason.into(),
            value: excerpt(value),
        }
    }
}

fn excerpt(value: &[u8]) -> String {
    // Four bytes a character at most, so that a long value is not decoded as a whole.
    let bytes = &value[..value.len().min(4 * SHOWN_CHARS + 4)];
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_end_matches(['\r', '\n']);
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The file of rejected rows. It is made, over an earlier one, when the first of them comes.
pub(super) struct Rejects {
    path: PathBuf,
    file: Option<csv::Writer<BufWriter<File>>>,
    count: u64,
}

impl Rejects {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            count: 0,
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn write(&mut self, rejects: &[Reject]) -> anyhow::Result<()> {
        for reject in rejects {
            self.write_one(reject)
                .with_context(|| format!("cannot write rejected rows to {}", self.path.display()))?;
        }
        Ok(())
    }

    fn write_one(&mut self, Reject { line, fault }: &Reject) -> anyhow::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(create(&self.path)?),
        };
        let column = fault.column.as_deref().unwrap_or_default();
        file.write_record([line.to_string().as_str(), column, &fault.reason, &fault.value])?;
        self.count += 1;
        Ok(())
    }

    /// Writes what is still in memory, and says where it is.
    pub(super) fn finish(self) -> anyhow::Result<Option<PathBuf>> {
        let Some(mut file) = self.file else {
            return Ok(None);
        };
        file.flush()
            .with_context(|| format!("cannot write rejected rows to {}", self.path.display()))?;
        Ok(Some(self.path))
    }
}

fn create(path: &Path) -> anyhow::Result<csv::Writer<BufWriter<File>>> {
    let mut file = csv::Writer::from_writer(BufWriter::new(File::create(path)?));
    file.write_record(["line", "column", "reason", "value"])?;
    Ok(file)
}
