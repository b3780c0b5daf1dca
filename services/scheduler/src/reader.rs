//! Reads the pages of a run, makes their events and sends each page on its way to the log.

use std::sync::Arc;

use domain::notice::BadRow;
use event_log::{AppendError, Appended, EventLog, Record};
use proto_schemas::CloudEvent;
use service_kit::telemetry::chain;
use store::StoreError;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::engine::Engine;
use crate::jobs::{Page, RunScope, Steps};
use crate::payloads::Payloads;
use crate::run::RunError;

/// Rows between two looks at what else is to be done. The thread that makes the events of a page also sends those of the
/// pages before and takes their acks: without, the log would run out of work while a page is made.
const ROWS_A_TURN: usize = 64;

/// What reads the pages of one attempt.
pub(crate) struct Reader<S> {
    pub(crate) engine: Engine,
    pub(crate) steps: Arc<S>,
    pub(crate) scope: RunScope,
    /// Whether the log may have forgotten what earlier runs appended, so that the notification table has to be asked.
    pub(crate) table_knows_repeats: bool,
}

type PageRead<S> = Result<Page<<S as Steps>::Row, <S as Steps>::Key>, StoreError>;

/// A page on its way to the log.
pub(crate) struct Sent<Key> {
    pub(crate) read: u64,
    pub(crate) bad: Vec<BadRow>,
    /// Events that the notification table knows.
    pub(crate) known: u64,
    pub(crate) completed: Vec<String>,
    pub(crate) next: Option<Key>,
    pub(crate) append: AbortOnDropHandle<Result<Isolated, RunError>>,
}

/// What became of the events of a page.
#[derive(Debug, Default)]
pub(crate) struct Isolated {
    pub(crate) appended: Appended,
    /// Rows whose events the log does not take.
    pub(crate) refused: Vec<BadRow>,
}

/// The events of a page and the rows they were made of.
#[derive(Debug, Default)]
struct Events {
    records: Vec<Record>,
    /// For each record the row it was made of, by its place in the page.
    rows: Vec<usize>,
}

impl<S: Steps> Reader<S> {
    /// Reads page after page until the last one. `unprepared` are rows that failed before there was a page.
    pub(crate) async fn read(
        self,
        key: Option<S::Key>,
        unprepared: Vec<BadRow>,
        pages: mpsc::Sender<Sent<S::Key>>,
    ) -> Result<(), RunError> {
        let mut earlier = unprepared;
        let mut page = self.steps.read(self.scope, key).await?;
        loop {
            // The database finds the next page while the events of this one are made.
            let following = page.next.clone().map(|key| self.begin_to_read(key));
            let sent = self.send(page, std::mem::take(&mut earlier)).await?;
            // Nobody waits for pages any more where the attempt has ended.
            if pages.send(sent).await.is_err() {
                return Ok(());
            }
            let Some(following) = following else {
                return Ok(());
            };
            page = following.await.map_err(RunError::broken)??;
        }
    }

    fn begin_to_read(&self, key: S::Key) -> AbortOnDropHandle<PageRead<S>> {
        let (steps, scope) = (Arc::clone(&self.steps), self.scope);
        AbortOnDropHandle::new(tokio::spawn(async move { steps.read(scope, Some(key)).await }))
    }

    async fn send(&self, page: Page<S::Row, S::Key>, earlier: Vec<BadRow>) -> Result<Sent<S::Key>, RunError> {
        let Page {
            rows,
            bad: unread,
            completed,
            next,
        } = page;
        let mut bad = earlier;
        let read = (rows.len() + unread.len()) as u64 + bad.len() as u64;
        bad.extend(unread);
        let events = self.events(&rows, &mut bad).await;
        let made = events.records.len();
        let events = if self.table_knows_repeats {
            self.unknown(events).await?
        } else {
            events
        };
        let known = (made - events.records.len()) as u64;
        let limit = self.engine.settings().skip_limit;
        let append = append(self.engine.log().clone(), events, limit);
        Ok(Sent {
            read,
            bad,
            known,
            completed,
            next,
            append: AbortOnDropHandle::new(tokio::spawn(append)),
        })
    }

    /// What the rows of a page call for. Rows that nothing can be made of go to `bad`.
    async fn events(&self, rows: &[S::Row], bad: &mut Vec<BadRow>) -> Events {
        let mut events = Events {
            records: Vec::with_capacity(rows.len()),
            rows: Vec::with_capacity(rows.len()),
        };
        let mut payloads = Payloads::for_events(rows.len());
        for (place, row) in rows.iter().enumerate() {
            let made = self.steps.events(self.scope, row);
            match made.and_then(|occurrences| self.engine.records(occurrences, &mut payloads)) {
                Ok(records) => {
                    events.rows.extend(records.iter().map(|_| place));
                    events.records.extend(records);
                }
                Err(row) => bad.push(row),
            }
            if place % ROWS_A_TURN == 0 {
                tokio::task::yield_now().await;
            }
        }
        events
    }

    /// Leaves only what the notification table does not have.
    async fn unknown(&self, events: Events) -> Result<Events, RunError> {
        let ids: Vec<_> = events.records.iter().map(|record| record.id).collect();
        let known = self.engine.store().known_event_ids(&ids).await?;
        let (records, rows) = events
            .records
            .into_iter()
            .zip(events.rows)
            .filter(|(record, _)| !known.contains(&record.id))
            .unzip();
        Ok(Events { records, rows })
    }
}

/// Appends the events of a page. When the log refuses one of them for what it is, its row is left out and the others are
/// appended all the same; what was stored before the refusal is then recognised.
async fn append(log: EventLog, mut events: Events, limit: u64) -> Result<Isolated, RunError> {
    let mut refused = Vec::new();
    let mut emitted_before = 0;
    loop {
        match log.append(&events.records).await {
            Ok(Appended {
                emitted,
                already_emitted,
            }) => {
                // What went in before a refusal was recognised afterwards.
                let appended = Appended {
                    emitted: emitted + emitted_before,
                    already_emitted: already_emitted.saturating_sub(emitted_before),
                };
                return Ok(Isolated { appended, refused });
            }
            Err(AppendError::Refused {
                index,
                appended,
                cause,
                ..
            }) if (refused.len() as u64) <= limit => {
                let row = events.rows[index];
                refused.push(BadRow {
                    row: aggregate(&events.records[index]),
                    reason: format!("the log refused its event: {}", chain(&cause)),
                });
                emitted_before += appended.emitted;
                let others = events.records.into_iter().zip(events.rows);
                let (records, rows) = others.filter(|(_, of)| *of != row).unzip();
                events = Events { records, rows };
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// What the event of a record is about, or its id.
fn aggregate(record: &Record) -> String {
    CloudEvent::from_json(&record.payload)
        .map_or_else(|_| record.id.to_string(), |event| event.event.aggregate())
}
