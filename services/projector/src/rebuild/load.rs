//! From the log to the new tables: read and spilled, then folded and written person by person.

use std::collections::HashSet;
use std::io;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use chrono::DateTime;
use domain::entry::Entry;
use event_log::Stored;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use proto_schemas::Recipient;
use store::Store;
use store::projection::ProjectedBatch;
use store::rebuild::{Announced, Maker, Rebuild};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::try_join;
use uuid::Uuid;

use super::feed::Feed;
use super::spill::{Spill, Spilled};
use super::{LogOfTables, RebuildError, Step, Watch};
use crate::batch;

/// The most messages that are handed on at once.
const MESSAGES_AT_ONCE: NonZeroUsize = NonZeroUsize::new(1_000).expect("it is more than 0");

/// How many of those may wait to be spilled.
const BATCHES_WAITING: usize = 16;

/// How many files are folded at once, while the rows of another are written.
const FILES_AT_ONCE: usize = 2;

pub(super) struct Loaded {
    /// The first sequence that came from the log; the one behind the last where none did.
    pub(super) first: u64,
    /// People of whom the log does not say what they wanted before that sequence.
    pub(super) unknown_before: Vec<(String, u64)>,
}

/// The log up to a sequence, in files.
pub(super) struct InFiles {
    /// The first sequence that the log still had.
    pub(super) log_begins: u64,
    /// The first sequence that came from it; the one behind the last where none did.
    pub(super) first: u64,
    pub(super) messages: u64,
    everybody: Spilled,
    pub(super) people: Vec<Spilled>,
}

/// Fills the new tables with all that the log holds up to that sequence.
pub(super) async fn load(
    rebuild: &mut Rebuild,
    store: &Store,
    feed: &mut Feed,
    target: u64,
    of: LogOfTables,
    watch: Watch<'_>,
) -> Result<Loaded, RebuildError> {
    let kept = match of {
        LogOfTables::This => Some(&*rebuild),
        LogOfTables::Another => None,
    };
    let files = in_files(feed, target, kept, watch).await?;
    let (first, of) = (files.first, files.messages);
    let maker = store.row_maker();
    let (batch, announced, people) = files.announced(maker).await?;
    let mut done = batch.entries.len() as u64;
    rebuild.load(maker.prepare(&batch, &Announced::default())).await?;
    let announced = Arc::new(announced);
    let prepared = stream::iter(people).map(|file| {
        let announced = Arc::clone(&announced);
        let prepare = move |batch: &ProjectedBatch| {
            let rows = maker.prepare(batch, &announced);
            (rows, unknown_before(batch, first))
        };
        folded(file, prepare, maker)
    });
    let mut prepared = pin!(prepared.buffered(FILES_AT_ONCE));
    // Folding goes on while rows are written.
    let (sender, mut receiver) = mpsc::channel(1);
    let folding = async move {
        while let Some(file) = prepared.try_next().await? {
            if sender.send(file).await.is_err() {
                break;
            }
        }
        Ok::<_, RebuildError>(())
    };
    let mut unknown = Vec::new();
    let writing = async {
        while let Some((messages, (rows, people))) = receiver.recv().await {
            unknown.extend(people);
            rebuild.load(rows).await?;
            done += messages;
            watch(Step::Writing { done, of });
        }
        Ok(())
    };
    try_join!(folding, writing)?;
    Ok(Loaded {
        first,
        unknown_before: unknown,
    })
}

/// Who said what they want in a log that no longer has its beginning, without anything being kept of before: what they
/// were told until then was judged by preferences that nobody knows any more.
fn unknown_before(batch: &ProjectedBatch, first: u64) -> Vec<(String, u64)> {
    let mut known = HashSet::new();
    let said = batch.entries.iter().filter_map(|logged| match &logged.entry {
        Entry::PreferencesChanged { user, .. } => Some((user.as_str(), logged.sequence)),
        Entry::Told(_) | Entry::StateChanged(_) => None,
    });
    let first_of_each = said.filter(|(user, _)| first > 1 && known.insert(*user));
    first_of_each
        .filter(|(_, sequence)| *sequence >= first)
        .map(|(user, sequence)| (user.to_owned(), sequence))
        .collect()
}

/// Reads the log up to a sequence.
pub(super) async fn in_files(
    feed: &mut Feed,
    target: u64,
    kept: Option<&Rebuild>,
    watch: Watch<'_>,
) -> Result<InFiles, RebuildError> {
    let bounds = feed.log().bounds().await?;
    let of = (target + 1).saturating_sub(bounds.first_sequence);
    let mut spill = Spill::new(of).map_err(RebuildError::Spill)?;
    let mut batch = feed.up_to(target, MESSAGES_AT_ONCE).await?;
    let first = batch.as_deref().and_then(<[Stored]>::first);
    let first = first.map_or(target + 1, |message| message.sequence);
    if let Some(rebuild) = kept {
        keep_preferences(rebuild, first, &mut spill).await?;
    }
    let (sender, mut batches) = mpsc::channel::<Vec<Stored>>(BATCHES_WAITING);
    let spilling = spawn_blocking(move || {
        while let Some(batch) = batches.blocking_recv() {
            batch.iter().try_for_each(|message| spill.add(message))?;
        }
        spill.finish()
    });
    let mut done = 0;
    while let Some(messages) = batch {
        done += messages.len() as u64;
        watch(Step::Reading { done, of });
        if sender.send(messages).await.is_err() {
            // It ended with an error, which it says itself.
            break;
        }
        batch = feed.up_to(target, MESSAGES_AT_ONCE).await?;
    }
    drop(sender);
    let (everybody, people) = finished(spilling.await)?.map_err(RebuildError::Spill)?;
    Ok(InFiles {
        log_begins: bounds.first_sequence,
        first,
        messages: done,
        everybody,
        people,
    })
}

/// What people wanted before the log begins is put before it: they are judged by it, and it stays theirs.
async fn keep_preferences(rebuild: &Rebuild, first: u64, spill: &mut Spill) -> Result<(), RebuildError> {
    let mut after = String::new();
    loop {
        let page = rebuild.preferences_before(first, &after).await?;
        for (user, sequence, preferences) in page.preferences {
            let recipient = Recipient::User(user.clone());
            let event = preferences.into_event(user, Uuid::nil(), DateTime::UNIX_EPOCH);
            let payload = event
                .to_json()
                .map_err(|error| RebuildError::Spill(error.into()))?;
            let message = Stored {
                sequence,
                subject: recipient.subject().into(),
                stored_at: DateTime::UNIX_EPOCH,
                payload: Bytes::from(payload),
            };
            spill.add(&message).map_err(RebuildError::Spill)?;
        }
        match page.last {
            Some(last) => after = last,
            None => return Ok(()),
        }
    }
}

impl InFiles {
    /// What is to everybody, as entries and as what people may have done something with; and the files of people.
    pub(super) async fn announced(
        self,
        maker: Maker,
    ) -> Result<(ProjectedBatch, Announced, Vec<Spilled>), RebuildError> {
        let everybody = self.everybody;
        let batch = finished(spawn_blocking(move || read(everybody, maker)).await)?;
        let batch = batch.map_err(RebuildError::Spill)?;
        let announced = Announced::of(&batch.entries);
        Ok((batch, announced, self.people))
    }
}

/// What becomes of a file, and how many messages it has.
pub(super) async fn folded<T: Send + 'static>(
    file: Spilled,
    fold: impl FnOnce(&ProjectedBatch) -> T + Send + 'static,
    maker: Maker,
) -> Result<(u64, T), RebuildError> {
    let messages = file.messages;
    let folded = spawn_blocking(move || Ok(fold(&read(file, maker)?)));
    let folded: io::Result<T> = finished(folded.await)?;
    Ok((messages, folded.map_err(RebuildError::Spill)?))
}

fn read(file: Spilled, maker: Maker) -> io::Result<ProjectedBatch> {
    Ok(batch::read_for(maker, &file.read()?))
}

fn finished<T>(ended: Result<T, tokio::task::JoinError>) -> Result<T, RebuildError> {
    ended.map_err(|error| RebuildError::Spill(io::Error::other(error)))
}
