//! The tables as they were at an instant, as text. The database is not touched.

use std::io::Write;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use event_log::EventLog;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use store::Store;
use store::rebuild::Announced;

use super::feed::Feed;
use super::load::{folded, in_files};
use super::{RebuildError, Step, Watch};

/// How many files are folded ahead of the one that is written.
const FILES_AT_ONCE: usize = 2;

/// What was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The last sequence that the log had before the instant.
    pub sequence: u64,
    /// Messages of the log that were read.
    pub messages: u64,
    /// Rows that were written.
    pub rows: u64,
    /// The first sequence that the log still holds: rows of earlier ones are missing.
    pub first_sequence: u64,
}

/// Writes the rows that the log made until that instant, by the clock of its server: a JSON object a line.
pub async fn show(
    store: &Store,
    log: &EventLog,
    until: DateTime<Utc>,
    out: &mut (dyn Write + Send),
    watch: Watch<'_>,
) -> Result<Shown, RebuildError> {
    let sequence = log.last_sequence_before(until).await?;
    let mut feed = Feed::new(log);
    let files = in_files(&mut feed, sequence, None, watch).await?;
    let (first_sequence, messages) = (files.log_begins, files.messages);
    let maker = store.row_maker();
    let (batch, announced, people) = files.announced(maker).await?;
    let mut rows = write(out, &maker.describe(&batch, &Announced::default()))?;
    let announced = Arc::new(announced);
    let described = stream::iter(people).map(|file| {
        let announced = Arc::clone(&announced);
        folded(file, move |batch| maker.describe(batch, &announced), maker)
    });
    let mut described = described.buffered(FILES_AT_ONCE);
    let mut done = batch.entries.len() as u64;
    while let Some((read, lines)) = described.try_next().await? {
        rows += write(out, &lines)?;
        done += read;
        watch(Step::Writing { done, of: messages });
    }
    out.flush().map_err(RebuildError::Output)?;
    Ok(Shown {
        sequence,
        messages,
        rows,
        first_sequence,
    })
}

fn write(out: &mut (dyn Write + Send), lines: &[String]) -> Result<u64, RebuildError> {
    for line in lines {
        writeln!(out, "{line}").map_err(RebuildError::Output)?;
    }
    Ok(lines.len() as u64)
}
