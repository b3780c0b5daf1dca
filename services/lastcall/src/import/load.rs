//! From a file to the tables: a thread that reads and checks, and a writer, with a short queue between them.

use std::borrow::Cow;
use std::io::{BufReader, Read};
use std::path::Path;
use std::thread;

use anyhow::{Context as _, anyhow, ensure};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use store::{Store, StoreError};
use tokio::sync::mpsc;

use super::columns::Names;
use super::records::{Completed, Record};
use super::reject::{Fault, Reject, Rejects};
use super::source::{Source, format_by_name, open};
use super::{Defaults, Request, Summary};

/// How many rows are written in one transaction.
const ROWS_A_CHUNK: usize = 1000;

/// How many chunks wait at most: one is being written, one ready, one being read.
const CHUNKS_WAITING: usize = 1;

/// Rows of the file that come one after the other.
struct Chunk<R> {
    records: Vec<(u64, R)>,
    rejects: Vec<Reject>,
}

/// Imports a file of one kind of rows.
pub(super) async fn load<R: Record>(store: &Store, request: Request) -> anyhow::Result<Summary> {
    let bar = request.progress;
    let names = Names::new(R::COLUMNS, &request.map)?;
    not_over_the_input(&request.file, &request.rejects)?;
    let (input, length) = open(&request.file)?;
    measure(&bar, length);
    let input = bar.wrap_read(input);
    let format = request.format.or_else(|| format_by_name(&request.file));

    let (sender, chunks) = mpsc::channel(CHUNKS_WAITING);
    let defaults = request.defaults;
    // A thread of its own and none of the runtime's, which waits for those at its end: one that still reads standard
    // input when the database fails would keep the command from ending.
    let reader = thread::spawn(move || {
        let source = Source::new(input, format, names)?;
        read::<R, _>(source, &defaults, &sender)
    });

    let mut rejects = Rejects::new(request.rejects);
    let written = write(store, chunks, &mut rejects, &bar).await;
    bar.finish_and_clear();
    let accepted = written?;
    let ignored_headers = reader
        .join()
        .map_err(|_| anyhow!("the reader of the file panicked"))?;
    let file = || format!("cannot import {}", shown(&request.file));
    let ignored_headers = ignored_headers.with_context(file)?;
    let rejected = rejects.count();
    let rejects_file = rejects.finish()?;
    Ok(Summary {
        kind: request.kind,
        accepted,
        rejected,
        ignored_headers,
        rejects_file,
    })
}

/// Reads to the end and says which names of the file were ignored.
fn read<R: Record, I: Read>(
    mut source: Source<BufReader<I>>,
    defaults: &Defaults,
    sender: &mpsc::Sender<Chunk<R>>,
) -> anyhow::Result<Vec<String>> {
    loop {
        let mut chunk = Chunk {
            records: Vec::new(),
            rejects: Vec::new(),
        };
        let mut ended = None;
        while ended.is_none() && chunk.records.len() + chunk.rejects.len() < ROWS_A_CHUNK {
            match source.next(|fields| R::read(fields, defaults)) {
                Ok(Some(Ok(record))) => chunk.records.push(record),
                Ok(Some(Err(reject))) => chunk.rejects.push(reject),
                Ok(None) => ended = Some(Ok(())),
                Err(error) => ended = Some(Err(error)),
            }
        }
        // What was read before an error is good. The writer is gone only when it failed, and says so itself.
        let gone = sender.blocking_send(chunk).is_err();
        if let Some(end) = ended {
            end.context("the file cannot be read to its end; what comes before is imported")?;
        } else if !gone {
            continue;
        }
        return Ok(source.ignored());
    }
}

async fn write<R: Record>(
    store: &Store,
    mut chunks: mpsc::Receiver<Chunk<R>>,
    rejects: &mut Rejects,
    bar: &ProgressBar,
) -> anyhow::Result<u64> {
    let mut accepted = 0;
    while let Some(Chunk {
        records,
        rejects: mut bad,
    }) = chunks.recv().await
    {
        let rows = records.len() as u64;
        let last = records.last().map(|(line, _)| *line).unwrap_or_default();
        let refused = write_records(store, records).await.with_context(|| {
            format!(
                "stopped before line {last}; {accepted} rows are imported, and importing again is harmless"
            )
        })?;
        accepted += rows - refused.len() as u64;
        bad.extend(refused);
        bad.sort_by_key(|reject| reject.line);
        rejects.write(&bad)?;
        bar.set_message(format!(
            "{} accepted, {} rejected",
            HumanCount(accepted),
            HumanCount(rejects.count())
        ));
    }
    Ok(accepted)
}

/// Writes the records and says which could not be.
pub(super) async fn write_records<R: Record>(
    store: &Store,
    records: Vec<(u64, R)>,
) -> Result<Vec<Reject>, StoreError> {
    let Completed {
        lines,
        rows,
        mut rejects,
    } = R::complete(store, records).await?;
    // A row that the database refuses takes its whole statement with it. Halving finds it, and the others are written.
    let mut parts = vec![(0, rows.len())];
    while let Some((start, end)) = parts.pop() {
        match R::write(store, &rows[start..end]).await {
            Ok(()) => {}
            Err(error) if error.refuses_rows() && end - start == 1 => {
                rejects.push(Reject {
                    line: lines[start],
                    fault: refused(&error),
                });
            }
            Err(error) if error.refuses_rows() => {
                let middle = start.midpoint(end);
                // The earlier half first: of two rows of one key, the later one counts.
                parts.extend([(middle, end), (start, middle)]);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(rejects)
}

fn refused(error: &StoreError) -> Fault {
    let cause = std::error::Error::source(error)
        .map(ToString::to_string)
        .unwrap_or_default();
    Fault::of_row(format!("the database refuses it: {cause}"), b"")
}

fn measure(bar: &ProgressBar, length: Option<u64>) {
    let template = match length {
        Some(length) => {
            bar.set_length(length);
            "{wide_bar} {bytes}/{total_bytes}, {eta} left, {msg}"
        }
        None => "{spinner} {bytes} read, {msg}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

fn shown(file: &Path) -> Cow<'_, str> {
    if file.as_os_str() == "-" {
        "standard input".into()
    } else {
        file.to_string_lossy()
    }
}

/// Or the first rejected row would empty the file that is being read.
fn not_over_the_input(file: &Path, rejects: &Path) -> anyhow::Result<()> {
    let same = matches!((file.canonicalize(), rejects.canonicalize()), (Ok(a), Ok(b)) if a == b);
    ensure!(!same, "--rejects {} is the file to import", rejects.display());
    Ok(())
}
