//! The pages of a run on their way from the tables to the log.
//!
//! One task reads pages and makes their events, a few pages ahead; each page is appended by a task of its own while the
//! next ones are made; and in the order of the pages, once all of a page is acknowledged, the checkpoint moves past it.
//! Whatever is cut off here was not stored as done and is read again.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use domain::notice::BadRow;
use serde_json::Value;
use store::job_runs::{Attempt, Counts, FailedRow, PageBegan, PageDone, PageEnd};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::engine::Engine;
use crate::jobs::{Job, RunScope, Steps};
use crate::reader::{Isolated, Reader, Sent};
use crate::run::{Progress, RunError};

/// Pages that are made or appended ahead of the checkpoint. Enough that neither the database nor the log waits for the
/// other; each holds its events in memory.
const PAGES_AHEAD: usize = 3;

/// What an attempt has done, as far as it is stored.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) counts: Counts,
    pub(crate) total: Option<u64>,
    pub(crate) last_emit: Option<DateTime<Utc>>,
}

/// What moves one attempt through its pages.
pub(crate) struct Pages<'a, P> {
    pub(crate) engine: &'a Engine,
    pub(crate) job: Job,
    pub(crate) attempt: &'a Attempt,
    pub(crate) scope: RunScope,
    pub(crate) done: Arc<Mutex<Done>>,
    pub(crate) progress: &'a P,
}

impl<P: Fn(Progress) + Send + Sync> Pages<'_, P> {
    /// Goes on from a checkpoint to the end of the run and stores that it has ended.
    pub(crate) async fn work<S: Steps>(&self, steps: S, checkpoint: Option<Value>) -> Result<(), RunError> {
        let key = checkpoint.clone().map(read_checkpoint::<S::Key>).transpose()?;
        let steps = Arc::new(steps);
        let unprepared = steps.prepare(self.scope).await?;
        let earliest_emission = steps.earliest_emission(self.scope).await?;
        let reader = Reader {
            engine: self.engine.clone(),
            steps: Arc::clone(&steps),
            scope: self.scope,
            table_knows_repeats: self.engine.table_knows_repeats(earliest_emission).await?,
        };
        let (sender, mut pages) = mpsc::channel(PAGES_AHEAD);
        let reading = AbortOnDropHandle::new(tokio::spawn(reader.read(key, unprepared, sender)));
        let _counting = AbortOnDropHandle::new(tokio::spawn(self.count(Arc::clone(&steps))));

        let mut began = checkpoint;
        while let Some(sent) = pages.recv().await {
            began = self.finish(&*steps, sent, began).await?;
        }
        reading.await.map_err(RunError::broken)?
    }

    /// An estimate for people; a run that cannot be estimated goes on without.
    fn count<S: Steps>(&self, steps: Arc<S>) -> impl Future<Output = ()> + Send + 'static {
        let (store, attempt) = (self.engine.store().clone(), self.attempt.clone());
        let (scope, done) = (self.scope, Arc::clone(&self.done));
        async move {
            if let Ok(Some(total)) = steps.total(scope).await
                && store.set_total(&attempt, total).await.is_ok()
            {
                done.lock().unwrap_or_else(PoisonError::into_inner).total = Some(total);
            }
        }
    }

    /// Waits for a page to be in the log and moves the checkpoint past it, or stores that the run has ended.
    async fn finish<S: Steps>(
        &self,
        steps: &S,
        sent: Sent<S::Key>,
        began: Option<Value>,
    ) -> Result<Option<Value>, RunError> {
        let Isolated { appended, refused } = sent.append.await.map_err(RunError::broken)??;
        let bad: Vec<_> = sent.bad.into_iter().chain(refused).collect();
        let before = self.done.lock().unwrap_or_else(PoisonError::into_inner).counts;
        let counts = Counts {
            read: before.read + sent.read,
            emitted: before.emitted + appended.emitted,
            already_emitted: before.already_emitted + appended.already_emitted + sent.known,
            skipped: before.skipped + bad.len() as u64,
        };
        for BadRow { row, reason } in &bad {
            tracing::warn!(job = %self.job, row, reason, "skipping a row");
        }
        let began = PageBegan {
            checkpoint: began,
            counts: before,
        };
        let failed_rows: Vec<_> = bad.into_iter().map(failed_row).collect();
        let limit = self.engine.settings().skip_limit;
        if counts.skipped > limit {
            // The counts stay those of the checkpoint: the page is done again when the run goes on.
            return Err(RunError::TooManyBadRows {
                skipped: counts.skipped,
                limit,
                page: Box::new(PageEnd {
                    counts: before,
                    failed_rows,
                    began,
                }),
            });
        }
        steps.appended(self.scope, &sent.completed).await?;
        let checkpoint = sent.next.as_ref().map(write_checkpoint).transpose()?;
        let store = self.engine.store();
        match checkpoint.clone() {
            Some(checkpoint) => {
                let page = PageDone {
                    checkpoint,
                    counts,
                    failed_rows,
                    began,
                };
                store.save_checkpoint(self.attempt, &page).await?;
            }
            None => {
                let page = PageEnd {
                    counts,
                    failed_rows,
                    began,
                };
                store.finish_run(self.attempt, Ok(()), &page).await?;
            }
        }
        self.report(before, counts);
        Ok(checkpoint)
    }

    fn report(&self, before: Counts, counts: Counts) {
        let metrics = self.engine.metrics();
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.counts = counts;
        if counts.emitted > before.emitted {
            let now = Utc::now();
            if before.emitted == 0 {
                metrics.first_emit(self.job, now - self.scope.scheduled_at);
            }
            done.last_emit = Some(now);
        }
        metrics.page_done(self.job, counts.since(before));
        let progress = Progress {
            counts,
            total: done.total,
        };
        drop(done);
        (self.progress)(progress);
    }
}

fn failed_row(BadRow { row, reason }: BadRow) -> FailedRow {
    FailedRow { row, reason }
}

fn write_checkpoint(key: &impl serde::Serialize) -> Result<Value, RunError> {
    serde_json::to_value(key).map_err(|source| RunError::Checkpoint {
        checkpoint: "to be stored".to_owned(),
        source,
    })
}

fn read_checkpoint<Key: serde::de::DeserializeOwned>(checkpoint: Value) -> Result<Key, RunError> {
    let text = checkpoint.to_string();
    serde_json::from_value(checkpoint).map_err(|source| RunError::Checkpoint {
        checkpoint: text,
        source,
    })
}
