//! A file as a series of rows, whichever way it is written.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context as _, bail};

use super::args::Format;
use super::columns::{Layout, Names};
use super::csv::{self, Row};
use super::fields::Fields;
use super::lines::{Line, Lines};
use super::ndjson;
use super::reject::{Fault, Reject};

const BUFFER_BYTES: usize = 256 * 1024;

/// Rows to come.
pub(super) struct Source<R> {
    lines: Lines<R>,
    form: Form,
}

enum Form {
    Csv(Layout),
    Ndjson { names: Names, ignored: BTreeSet<String> },
}

/// Opens a file, or standard input for `-`, with its length where it has one.
pub(super) fn open(path: &Path) -> anyhow::Result<(Box<dyn Read + Send>, Option<u64>)> {
    if path.as_os_str() == "-" {
        return Ok((Box::new(io::stdin()), None));
    }
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let metadata = file
        .metadata()
        .with_context(|| format!("cannot look at {}", path.display()))?;
    if metadata.is_dir() {
        bail!("{} is a folder; a CSV or NDJSON file is wanted", path.display());
    }
    Ok((Box::new(file), metadata.is_file().then_some(metadata.len())))
}

/// How a file is written, by its name.
pub(super) fn format_by_name(path: &Path) -> Option<Format> {
    match path.extension()?.to_ascii_lowercase().to_str()? {
        "csv" => Some(Format::Csv),
        "ndjson" | "jsonl" => Some(Format::Ndjson),
        _ => None,
    }
}

impl<R: Read> Source<BufReader<R>> {
    /// Reads as far as it takes to know which column is where.
    pub(super) fn new(input: R, format: Option<Format>, names: Names) -> anyhow::Result<Self> {
        let mut lines = Lines::new(BufReader::with_capacity(BUFFER_BYTES, input));
        let format = match format {
            Some(format) => format,
            None => format_by_first_byte(&mut lines)?,
        };
        let form = match format {
            Format::Csv => Form::Csv(layout(&mut lines, names)?),
            Format::Ndjson => Form::Ndjson {
                names,
                ignored: BTreeSet::new(),
            },
        };
        Ok(Self { lines, form })
    }
}

impl<R: BufRead> Source<R> {
    /// Reads the next row by `read`; nothing at the end. With the line that the row begins on.
    pub(super) fn next<T>(
        &mut self,
        read: impl FnOnce(&Fields<'_>) -> Result<T, Fault>,
    ) -> io::Result<Option<Result<(u64, T), Reject>>> {
        let (line, row) = match &mut self.form {
            Form::Csv(layout) => match csv::next_row(&mut self.lines)? {
                None => return Ok(None),
                Some(Err(reject)) => return Ok(Some(Err(reject))),
                Some(Ok(row)) => (row.line, fields(layout, &row).and_then(|fields| read(&fields))),
            },
            Form::Ndjson { names, ignored } => match next_with_text(&mut self.lines)? {
                None => return Ok(None),
                Some(line) => (
                    line.number,
                    ndjson::fields(&line, names, ignored).and_then(|fields| read(&fields)),
                ),
            },
        };
        Ok(Some(
            row.map(|row| (line, row)).map_err(|fault| Reject { line, fault }),
        ))
    }

    /// Names in the file that are no column, as far as it was read.
    pub(super) fn ignored(self) -> Vec<String> {
        match self.form {
            Form::Csv(layout) => layout.ignored,
            Form::Ndjson { ignored, .. } => ignored.into_iter().collect(),
        }
    }
}

fn format_by_first_byte<R: BufRead>(lines: &mut Lines<R>) -> anyhow::Result<Format> {
    let first = next_with_text(lines).context("cannot read the file")?;
    let byte = first
        .as_ref()
        .and_then(|line| line.bytes.trim_ascii_start().first().copied());
    lines.put_back(first.into_iter());
    Ok(if matches!(byte, Some(b'{' | b'[')) {
        Format::Ndjson
    } else {
        Format::Csv
    })
}

fn layout<R: BufRead>(lines: &mut Lines<R>, names: Names) -> anyhow::Result<Layout> {
    match csv::next_row(lines).context("cannot read the file")? {
        Some(Ok(header)) => Layout::new(names, &header),
        Some(Err(reject)) => bail!("the header line cannot be read: {}", reject.fault.reason),
        None => bail!("the file is empty; a CSV file begins with a header line"),
    }
}

fn next_with_text<R: BufRead>(lines: &mut Lines<R>) -> io::Result<Option<Line>> {
    loop {
        match lines.next()? {
            Some(line) if line.is_blank() => {}
            line => return Ok(line),
        }
    }
}

fn fields<'a>(layout: &'a Layout, row: &'a Row) -> Result<Fields<'a>, Fault> {
    if row.len() != layout.width {
        let reason = format!(
            "the row has {} fields where the header has {}",
            row.len(),
            layout.width
        );
        return Err(Fault::of_row(reason, row.get(0).unwrap_or_default()));
    }
    let value = |position: &Option<usize>| position.and_then(|at| row.get(at)).map(Cow::Borrowed);
    Ok(Fields {
        names: &layout.names,
        values: layout.positions.iter().map(value).collect(),
    })
}
