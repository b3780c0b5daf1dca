use chrono::{DateTime, Utc};
use domain::notice::{BadRow, OutcomeReader};
use domain::occurrence::Occurrence;
use domain::settlement::Reward;
use serde::{Deserialize, Serialize};
use store::settlement::{FundingError, FundingKey};
use store::{Store, StoreError};

use crate::engine::Engine;

use super::{Page, RunScope, Steps};

/// Settles what is past its deadline, each funding in one transaction, and then tells of every settled funding that has
/// not been told of.
///
/// What is told is read from the settled state. A crash between the two leaves the funding settled and untold, and the
/// next run, whichever it is, tells. A funding that cannot be settled or told of is named by every run until it is mended;
/// the others go on.
pub(crate) struct FundingSettlement {
    store: Store,
    reward: Reward,
    page_rows: u64,
}

/// Funding by funding, and within one by reader.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct ReaderKey {
    /// The last funding that was read to its end, or cannot be read.
    done: Option<String>,
    /// How far the one is read that comes next. By its id, since another one may be settled in front of it any time.
    #[serde(default)]
    within: Option<Within>,
}

/// A place among the readers of a funding.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Within {
    funding_id: String,
    /// The last reader that was read.
    user_id: String,
}

/// What a run would do.
#[derive(Debug, Default)]
pub(crate) struct Preview {
    /// People who would be told something.
    pub(crate) read: u64,
    /// What they would be told.
    pub(crate) events: u64,
    /// Fundings that cannot be settled or told of, and people among the samples who cannot be told.
    pub(crate) bad: Vec<BadRow>,
    /// The first events.
    pub(crate) samples: Vec<Occurrence>,
}

type ReaderPage = Page<OutcomeReader, ReaderKey>;

impl FundingSettlement {
    pub(crate) fn new(engine: &Engine) -> Self {
        Self {
            store: engine.store().clone(),
            reward: engine.reward().clone(),
            page_rows: engine.settings().chunk_rows,
        }
    }

    /// What a run would do, without settling or telling anything.
    pub(crate) async fn preview(&self, run: RunScope, samples: usize) -> Result<Preview, StoreError> {
        let mut preview = Preview::default();
        let mut last: Option<FundingKey> = None;
        loop {
            let due = self.due(run, last.as_ref()).await?;
            for FundingKey { id, .. } in &due {
                self.preview_one(run, id, samples, &mut preview).await?;
            }
            last = due.into_iter().next_back();
            if last.is_none() {
                break;
            }
        }
        let mut last: Option<String> = None;
        loop {
            let settled = self
                .store
                .fundings_to_announce(run.scheduled_at, last.as_deref(), self.page_rows)
                .await?;
            for id in &settled {
                self.preview_one(run, id, samples, &mut preview).await?;
            }
            last = settled.into_iter().next_back();
            if last.is_none() {
                return Ok(preview);
            }
        }
    }

    async fn preview_one(
        &self,
        run: RunScope,
        funding_id: &str,
        samples: usize,
        preview: &mut Preview,
    ) -> Result<(), StoreError> {
        let missing = samples.saturating_sub(preview.samples.len());
        let one = self
            .store
            .preview_settlement(funding_id, run.scheduled_at, &self.reward, missing as u64)
            .await;
        let Some(one) = set_aside(one, &mut preview.bad)?.flatten() else {
            return Ok(());
        };
        preview.read += one.people;
        preview.events += one.people + one.coupons;
        for reader in one.first {
            match reader.notices() {
                Ok(notices) => preview.samples.extend(notices),
                Err(row) => preview.bad.push(row),
            }
        }
        preview.samples.truncate(samples);
        Ok(())
    }

    async fn due(&self, run: RunScope, last: Option<&FundingKey>) -> Result<Vec<FundingKey>, StoreError> {
        self.store
            .fundings_due_for_settlement(run.scheduled_at, last, self.page_rows)
            .await
    }

    /// Reads on in one funding, as far as the page has room. The key moves along.
    async fn read_funding(
        &self,
        funding_id: String,
        last: Option<String>,
        page: &mut ReaderPage,
        key: &mut ReaderKey,
    ) -> Result<(), StoreError> {
        let missing = self.missing(page);
        let readers = self
            .store
            .outcome_readers(&funding_id, last.as_deref(), missing)
            .await;
        let Some(readers) = set_aside(readers, &mut page.bad)? else {
            key.done = Some(funding_id);
            return Ok(());
        };
        if (readers.len() as u64) < missing {
            page.completed.push(funding_id.clone());
            key.done = Some(funding_id);
        } else {
            key.within = readers.last().map(|reader| Within {
                funding_id,
                user_id: reader.person.user_id.clone(),
            });
        }
        page.rows.extend(readers);
        Ok(())
    }

    /// How many more rows the page takes. Fundings that concern nobody and such that are bad count too, or a page of
    /// them would have no end.
    fn missing(&self, page: &ReaderPage) -> u64 {
        let taken = page.rows.len() + page.completed.len() + page.bad.len();
        self.page_rows.saturating_sub(taken as u64)
    }
}

/// Sets a funding aside that is bad; whatever else went wrong goes on upwards.
fn set_aside<T>(result: Result<T, FundingError>, bad: &mut Vec<BadRow>) -> Result<Option<T>, StoreError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(FundingError::Bad(row)) => {
            bad.push(row);
            Ok(None)
        }
        Err(FundingError::Store(error)) => Err(error),
    }
}

impl Steps for FundingSettlement {
    type Row = OutcomeReader;
    type Key = ReaderKey;

    async fn prepare(&self, run: RunScope) -> Result<Vec<BadRow>, StoreError> {
        let mut bad = Vec::new();
        let mut last: Option<FundingKey> = None;
        loop {
            let due = self.due(run, last.as_ref()).await?;
            for FundingKey { id, .. } in &due {
                let settled = self.store.settle(id, run.scheduled_at, &self.reward).await;
                if let Some(outcome) = set_aside(settled, &mut bad)?.flatten() {
                    tracing::debug!(funding = id, ?outcome, "settled");
                }
            }
            last = match due.into_iter().next_back() {
                Some(key) => Some(key),
                None => return Ok(bad),
            };
        }
    }

    /// A funding whose telling was cut off may have waited for its next run for long.
    async fn earliest_emission(&self, run: RunScope) -> Result<DateTime<Utc>, StoreError> {
        let first = self.store.first_settlement_to_announce(run.scheduled_at).await?;
        Ok(first.map_or(run.scheduled_at, |settled_at| settled_at.min(run.scheduled_at)))
    }

    async fn read(&self, run: RunScope, key: Option<ReaderKey>) -> Result<ReaderPage, StoreError> {
        let mut key = key.unwrap_or_default();
        let mut page = Page {
            rows: Vec::new(),
            bad: Vec::new(),
            completed: Vec::new(),
            next: None,
        };
        if let Some(Within { funding_id, user_id }) = key.within.take() {
            self.read_funding(funding_id, Some(user_id), &mut page, &mut key)
                .await?;
        }
        while self.missing(&page) > 0 {
            let fundings = self
                .store
                .fundings_to_announce(run.scheduled_at, key.done.as_deref(), self.missing(&page))
                .await?;
            if fundings.is_empty() {
                return Ok(page);
            }
            for funding_id in fundings {
                if self.missing(&page) == 0 {
                    break;
                }
                self.read_funding(funding_id, None, &mut page, &mut key).await?;
            }
        }
        page.next = Some(key);
        Ok(page)
    }

    fn events(&self, _run: RunScope, row: &OutcomeReader) -> Result<Vec<Occurrence>, BadRow> {
        row.notices()
    }

    async fn appended(&self, run: RunScope, completed: &[String]) -> Result<(), StoreError> {
        for funding_id in completed {
            self.store.mark_announced(funding_id, run.scheduled_at).await?;
        }
        Ok(())
    }
}
