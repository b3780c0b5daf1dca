use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use domain::notice::BadRow;
use domain::occurrence::Occurrence;
use domain::schedule::Schedule;
use domain::settlement::Reward;
use event_log::{Appended, EventLog, Record};
use service_kit::telemetry::chain;
use store::job_runs::Attempt;
use store::{Store, StoreError};

use crate::jobs::{AlertDue, CouponExpiring, FundingClosing, FundingSettlement, Job, Page, RunScope, Steps};
use crate::run::{Counts, RunError};
use crate::settings::{Settings, SettingsError};

/// Between two looks at how far the notification table has come.
const TABLE_POLL: Duration = Duration::from_millis(100);

/// Runs jobs.
///
/// A run reads a page of rows, makes their events, appends them, waits until every one of them is acknowledged and only
/// then stores its checkpoint. Killed anywhere, it reads at most one page again, and the log recognises those events.
#[derive(Clone)]
pub struct Engine {
    store: Store,
    log: EventLog,
    settings: Settings,
    schedules: BTreeMap<Job, Schedule>,
}

impl Engine {
    /// An engine over these tables and this log.
    pub fn new(store: Store, log: EventLog, settings: Settings) -> Result<Self, SettingsError> {
        let schedules = settings.schedules()?;
        Ok(Self {
            store,
            log,
            settings,
            schedules,
        })
    }

    pub(crate) fn schedules(&self) -> &BTreeMap<Job, Schedule> {
        &self.schedules
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Runs a job for an instant, from where an earlier attempt stopped, and reports what the run has done after each
    /// page. A run that has succeeded before is done again from its beginning.
    pub async fn run(
        &self,
        job: Job,
        scheduled_at: DateTime<Utc>,
        progress: impl Fn(Counts) + Send + Sync,
    ) -> Result<Counts, RunError> {
        let Settings {
            zone,
            chunk_rows: page_rows,
            ..
        } = self.settings;
        let store = &self.store;
        match job {
            Job::CouponExpiring => {
                let lead_days = self.settings.coupon_expiring.lead_days;
                let steps = CouponExpiring {
                    store,
                    zone,
                    lead_days,
                    page_rows,
                };
                self.attempt(job, &steps, scheduled_at, progress).await
            }
            Job::FundingClosing => {
                let lead_days = self.settings.funding_closing.lead_days;
                let steps = FundingClosing {
                    store,
                    zone,
                    lead_days,
                    page_rows,
                };
                self.attempt(job, &steps, scheduled_at, progress).await
            }
            Job::FundingSettlement => {
                let days = self.settings.funding_settlement.coupon_valid_days;
                let reward = Reward {
                    validity: TimeDelta::days(days.into()),
                };
                let steps = FundingSettlement {
                    store,
                    reward,
                    page_rows,
                };
                self.attempt(job, &steps, scheduled_at, progress).await
            }
            Job::AlertDue => {
                let steps = AlertDue { store, page_rows };
                self.attempt(job, &steps, scheduled_at, progress).await
            }
        }
    }

    async fn attempt<S: Steps>(
        &self,
        job: Job,
        steps: &S,
        scheduled_at: DateTime<Utc>,
        progress: impl Fn(Counts) + Send + Sync,
    ) -> Result<Counts, RunError> {
        let began = Instant::now();
        // What the tables keep: the event and the run must name the same instant.
        let scheduled_at = scheduled_at.trunc_subsecs(6);
        let window_start = self.window_start(job, scheduled_at).await?;
        let start = self
            .store
            .begin_run(job.as_str(), scheduled_at, window_start)
            .await?;
        tracing::debug!(%job, %scheduled_at, attempt = start.attempt.number, "running");

        let key = start.checkpoint.map(read_checkpoint::<S::Key>).transpose();
        let mut pages = Pages {
            engine: self,
            attempt: &start.attempt,
            scope: RunScope {
                scheduled_at,
                window_start: start.window_start,
            },
            counts: counts_of(start.counts),
        };
        let ended = match key {
            Ok(key) => pages.work(steps, key, &progress).await,
            Err(error) => Err(error),
        };
        let counts = pages.counts;
        let recorded = self.record(&start.attempt, ended.as_ref().err(), counts).await;
        // What stopped the run says more than that its end could not be recorded.
        ended?;
        recorded?;
        let Counts {
            read,
            emitted,
            already_emitted,
            skipped,
        } = counts;
        let took = format!("{:.1?}", began.elapsed());
        if counts == Counts::default() {
            tracing::debug!(%job, %scheduled_at, "nothing to do");
        } else {
            tracing::info!(%job, %scheduled_at, read, emitted, already_emitted, skipped, took, "done");
        }
        Ok(counts)
    }

    async fn record(
        &self,
        attempt: &Attempt,
        error: Option<&RunError>,
        counts: Counts,
    ) -> Result<(), StoreError> {
        let counts = stored_counts(counts);
        match error {
            None => self.store.finish_run(attempt, Ok(()), counts).await,
            Some(error) if error.may_pass() => self.store.interrupt_run(attempt, chain(error), counts).await,
            Some(error) => self.store.finish_run(attempt, Err(chain(error)), counts).await,
        }
    }

    /// The instant up to which earlier runs have done what this one is about: for the very first run, the instant it would
    /// have been scheduled for before.
    async fn window_start(&self, job: Job, scheduled_at: DateTime<Utc>) -> Result<DateTime<Utc>, RunError> {
        let earliest = scheduled_at - TimeDelta::hours(self.settings.alert_due.catch_up_hours.into());
        let last = self
            .store
            .last_succeeded_before(job.as_str(), scheduled_at)
            .await?;
        let last = last.or_else(|| self.schedules.get(&job)?.last_before(scheduled_at));
        Ok(last.map_or(earliest, |last| last.max(earliest)))
    }

    /// Where the log may have forgotten events that were emitted so long ago, the notification table is asked instead: it
    /// must have seen everything that the log has.
    async fn table_knows_repeats(&self, earliest_emission: DateTime<Utc>) -> Result<bool, RunError> {
        let window = TimeDelta::from_std(self.log.duplicate_window()).unwrap_or(TimeDelta::MAX);
        if Utc::now() - earliest_emission < window {
            return Ok(false);
        }
        let logged = self.log.bounds().await?.last_sequence;
        let deadline = Instant::now() + self.settings.table_wait;
        loop {
            let position = self
                .store
                .projection_position(store::projection::NOTIFICATIONS)
                .await?;
            let projected = position.map_or(0, |position| position.sequence);
            if projected >= logged {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Err(RunError::TableBehind {
                    earliest_emission,
                    projected,
                    logged,
                });
            }
            tokio::time::sleep(TABLE_POLL).await;
        }
    }
}

/// One attempt on its way through the pages.
struct Pages<'a> {
    engine: &'a Engine,
    attempt: &'a Attempt,
    scope: RunScope,
    counts: Counts,
}

impl Pages<'_> {
    async fn work<S: Steps>(
        &mut self,
        steps: &S,
        key: Option<S::Key>,
        progress: &(impl Fn(Counts) + Send + Sync),
    ) -> Result<(), RunError> {
        steps.prepare(self.scope).await?;
        let earliest_emission = steps.earliest_emission(self.scope).await?;
        let table_knows_repeats = self.engine.table_knows_repeats(earliest_emission).await?;
        let mut page = steps.read(self.scope, key).await?;
        loop {
            let mut done = Counts {
                read: page.rows.len() as u64,
                ..Counts::default()
            };
            let (records, skipped) = self.records(steps, &page);
            done.skipped = skipped;
            let (records, known) = if table_knows_repeats {
                self.unknown(records).await?
            } else {
                (records, 0)
            };
            // The next page is read while this one is on its way to the log.
            let (appended, following) = tokio::join!(self.engine.log.append(&records), async {
                match page.next.clone() {
                    Some(key) => steps.read(self.scope, Some(key)).await.map(Some),
                    None => Ok(None),
                }
            });
            let Appended {
                emitted,
                already_emitted,
            } = appended?;
            done.emitted = emitted;
            done.already_emitted = already_emitted + known;
            steps.appended(self.scope, &page).await?;
            self.counts += done;
            progress(self.counts);

            let Some(key) = page.next else { return Ok(()) };
            let checkpoint = write_checkpoint(&key)?;
            self.engine
                .store
                .save_checkpoint(self.attempt, &checkpoint, stored_counts(self.counts))
                .await?;
            match following? {
                Some(next) => page = next,
                None => return Ok(()),
            }
        }
    }

    /// What the rows of a page call for, and how many of them nothing could be made of.
    fn records<S: Steps>(&self, steps: &S, page: &Page<S::Row, S::Key>) -> (Vec<Record>, u64) {
        let mut records = Vec::with_capacity(page.rows.len());
        let mut skipped = 0;
        for row in &page.rows {
            match steps
                .events(self.scope, row)
                .and_then(|occurrences| self.fitting(&occurrences))
            {
                Ok(fitting) => records.extend(fitting),
                Err(BadRow { row, reason }) => {
                    tracing::warn!(row, reason, "skipping a row");
                    skipped += 1;
                }
            }
        }
        (records, skipped)
    }

    /// The records of one row, unless one of them is more than the log takes.
    fn fitting(&self, occurrences: &[Occurrence]) -> Result<Vec<Record>, BadRow> {
        let limit = self.engine.log.max_payload_bytes();
        let record = |Occurrence { recipient, event }: &Occurrence| {
            let bad = |reason| BadRow {
                row: event.event.aggregate(),
                reason,
            };
            let payload = event.to_json().map_err(|error| bad(error.to_string()))?;
            if payload.len() > limit {
                return Err(bad(format!(
                    "its event has {} bytes; the log takes {limit}",
                    payload.len()
                )));
            }
            Ok(Record {
                recipient: recipient.clone(),
                id: event.id,
                payload: payload.into(),
            })
        };
        occurrences.iter().map(record).collect()
    }

    /// The records that the notification table does not have, and how many it has.
    async fn unknown(&self, records: Vec<Record>) -> Result<(Vec<Record>, u64), RunError> {
        let ids: Vec<_> = records.iter().map(|record| record.id).collect();
        let known = self.engine.store.known_event_ids(&ids).await?;
        let before = records.len();
        let unknown: Vec<_> = records
            .into_iter()
            .filter(|record| !known.contains(&record.id))
            .collect();
        let removed = (before - unknown.len()) as u64;
        Ok((unknown, removed))
    }
}

fn write_checkpoint(key: &impl serde::Serialize) -> Result<serde_json::Value, RunError> {
    serde_json::to_value(key).map_err(|source| RunError::Checkpoint {
        checkpoint: "to be stored".to_owned(),
        source,
    })
}

fn read_checkpoint<Key: serde::de::DeserializeOwned>(checkpoint: serde_json::Value) -> Result<Key, RunError> {
    let text = checkpoint.to_string();
    serde_json::from_value(checkpoint).map_err(|source| RunError::Checkpoint {
        checkpoint: text,
        source,
    })
}

fn counts_of(counts: store::job_runs::Counts) -> Counts {
    let store::job_runs::Counts {
        read,
        emitted,
        already_emitted,
        skipped,
    } = counts;
    Counts {
        read,
        emitted,
        already_emitted,
        skipped,
    }
}

fn stored_counts(counts: Counts) -> store::job_runs::Counts {
    let Counts {
        read,
        emitted,
        already_emitted,
        skipped,
    } = counts;
    store::job_runs::Counts {
        read,
        emitted,
        already_emitted,
        skipped,
    }
}
