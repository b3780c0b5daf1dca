//! What a run would do, without doing it.

use chrono::{DateTime, SubsecRound as _, Utc};
use domain::notice::BadRow;
use event_log::Record;
use serde::Serialize;
use serde_json::value::RawValue;
use store::StoreError;
use utoipa::ToSchema;

use crate::engine::Engine;
use crate::jobs::{AlertDue, CouponExpiring, FundingClosing, FundingSettlement, Job, RunScope, Steps};
use crate::payloads::Payloads;

/// How many rows that would be skipped are named.
const BAD_ROWS_SHOWN: usize = 100;

/// What a run would do.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct DryRun {
    /// Rows that were read.
    pub read: u64,
    /// Events that they call for.
    pub events: u64,
    /// How many of those the notification table has already.
    pub already_emitted: u64,
    /// Rows that no event can be made of.
    pub skipped: u64,
    /// The first hundred of those.
    pub bad_rows: Vec<FailingRow>,
    /// The first events as they would be appended.
    pub samples: Vec<Sample>,
}

/// A row that no event can be made of.
#[derive(Debug, Serialize, ToSchema)]
pub struct FailingRow {
    /// Which, as `<table> <key>`.
    pub row: String,
    /// What is wrong with it.
    pub reason: String,
}

/// An event that would be appended.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sample {
    /// Where it would be appended.
    pub subject: String,
    /// The event as it would be stored.
    #[schema(value_type = Object)]
    pub event: Box<RawValue>,
}

impl Engine {
    /// Goes through everything that a run would, changes nothing and shows the first `samples` of its events.
    pub async fn dry_run(
        &self,
        job: Job,
        scheduled_at: DateTime<Utc>,
        samples: usize,
    ) -> Result<DryRun, StoreError> {
        let scheduled_at = scheduled_at.trunc_subsecs(6);
        let last = self
            .store()
            .last_succeeded_before(job.as_str(), scheduled_at)
            .await?;
        let run = RunScope {
            scheduled_at,
            window_start: self.window_start(job)(scheduled_at, last),
        };
        let preview = Preview {
            engine: self,
            run,
            limit: samples,
            shown: DryRun::default(),
        };
        match job {
            Job::CouponExpiring => preview.walk(&CouponExpiring::new(self)).await,
            Job::FundingClosing => preview.walk(&FundingClosing::new(self)).await,
            Job::AlertDue => preview.walk(&AlertDue::new(self)).await,
            Job::FundingSettlement => preview.settle(&FundingSettlement::new(self)).await,
        }
    }
}

struct Preview<'a> {
    engine: &'a Engine,
    run: RunScope,
    limit: usize,
    shown: DryRun,
}

impl Preview<'_> {
    async fn walk<S: Steps>(mut self, steps: &S) -> Result<DryRun, StoreError> {
        let mut key = None;
        loop {
            let page = steps.read(self.run, key).await?;
            self.shown.read += (page.rows.len() + page.bad.len()) as u64;
            page.bad.into_iter().for_each(|row| self.bad(row));
            let mut records = Vec::with_capacity(page.rows.len());
            let mut payloads = Payloads::for_events(page.rows.len());
            for row in &page.rows {
                match steps
                    .events(self.run, row)
                    .and_then(|made| self.engine.records(made, &mut payloads))
                {
                    Ok(made) => records.extend(made),
                    Err(row) => self.bad(row),
                }
            }
            let ids: Vec<_> = records.iter().map(|record| record.id).collect();
            let known = self.engine.store().known_event_ids(&ids).await?;
            self.shown.events += ids.len() as u64;
            self.shown.already_emitted += known.len() as u64;
            self.samples(&records);
            key = page.next;
            if key.is_none() {
                return Ok(self.shown);
            }
        }
    }

    async fn settle(mut self, steps: &FundingSettlement) -> Result<DryRun, StoreError> {
        let preview = steps.preview(self.run, self.limit).await?;
        self.shown.read = preview.read;
        self.shown.events = preview.events;
        preview.bad.into_iter().for_each(|row| self.bad(row));
        let mut payloads = Payloads::for_events(preview.samples.len());
        match self.engine.records(preview.samples, &mut payloads) {
            Ok(records) => self.samples(&records),
            Err(row) => self.bad(row),
        }
        Ok(self.shown)
    }

    fn bad(&mut self, BadRow { row, reason }: BadRow) {
        self.shown.skipped += 1;
        if self.shown.bad_rows.len() < BAD_ROWS_SHOWN {
            self.shown.bad_rows.push(FailingRow { row, reason });
        }
    }

    fn samples(&mut self, records: &[Record]) {
        let missing = self.limit - self.shown.samples.len();
        for record in records.iter().take(missing) {
            let text = String::from_utf8_lossy(&record.payload).into_owned();
            // What is appended is JSON that we wrote ourselves.
            let Ok(event) = RawValue::from_string(text) else {
                continue;
            };
            self.shown.samples.push(Sample {
                subject: record.recipient.subject(),
                event,
            });
        }
    }
}
