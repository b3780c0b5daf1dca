use chrono::{DateTime, Utc};
use domain::notice::{BadRow, OutcomeReader};
use domain::occurrence::Occurrence;
use domain::settlement::Reward;
use serde::{Deserialize, Serialize};
use store::settlement::{FundingKey, SettledFunding};
use store::{Store, StoreError};

use super::{Page, RunScope, Steps};

/// Settles what is past its deadline, each funding in one transaction, and then tells of every settled funding that has
/// not been told of.
///
/// What is told is read from the settled state. A crash between the two leaves the funding settled and untold, and the
/// next run, whichever it is, tells.
pub(crate) struct FundingSettlement {
    pub(crate) store: Store,
    pub(crate) reward: Reward,
    pub(crate) page_rows: u64,
}

/// Funding by funding, and within one by reader.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ReaderKey {
    /// The last funding whose readers were all read.
    done: Option<String>,
    /// The last reader that was read of the funding after it.
    user_id: Option<String>,
}

impl Steps for FundingSettlement {
    type Row = OutcomeReader;
    type Key = ReaderKey;

    async fn prepare(&self, run: RunScope) -> Result<Vec<BadRow>, StoreError> {
        let mut last: Option<FundingKey> = None;
        loop {
            let due = self
                .store
                .fundings_due_for_settlement(run.scheduled_at, last.as_ref(), self.page_rows)
                .await?;
            for FundingKey { id, .. } in &due {
                if let Some(outcome) = self.store.settle(id, run.scheduled_at, &self.reward).await? {
                    tracing::debug!(funding = id, ?outcome, "settled");
                }
            }
            last = match due.into_iter().next_back() {
                Some(key) => Some(key),
                None => return Ok(Vec::new()),
            };
        }
    }

    /// A funding whose telling was cut off may have waited for its next run for long.
    async fn earliest_emission(&self, run: RunScope) -> Result<DateTime<Utc>, StoreError> {
        let oldest = self.store.oldest_unannounced().await?;
        Ok(oldest.map_or(run.scheduled_at, |settled_at| settled_at.min(run.scheduled_at)))
    }

    async fn read(
        &self,
        _run: RunScope,
        key: Option<ReaderKey>,
    ) -> Result<Page<OutcomeReader, ReaderKey>, StoreError> {
        let (mut done, mut user_id) = key.map_or((None, None), |key| (key.done, key.user_id));
        let (mut rows, mut completed): (Vec<OutcomeReader>, Vec<String>) = (Vec::new(), Vec::new());
        loop {
            let fundings = self
                .store
                .unannounced_fundings(done.as_deref(), self.page_rows)
                .await?;
            if fundings.is_empty() {
                return Ok(Page {
                    rows,
                    bad: Vec::new(),
                    completed,
                    next: None,
                });
            }
            for SettledFunding { funding_id, .. } in fundings {
                // Fundings that concern nobody count too, or a page of them would have no end.
                let missing = self
                    .page_rows
                    .saturating_sub((rows.len() + completed.len()) as u64);
                if missing == 0 {
                    return Ok(Page {
                        rows,
                        bad: Vec::new(),
                        completed,
                        next: Some(ReaderKey { done, user_id }),
                    });
                }
                let readers = self
                    .store
                    .outcome_readers(&funding_id, user_id.as_deref(), missing)
                    .await?;
                let whole = (readers.len() as u64) < missing;
                user_id = readers.last().map(|reader| reader.person.user_id.clone());
                rows.extend(readers);
                if !whole {
                    return Ok(Page {
                        rows,
                        bad: Vec::new(),
                        completed,
                        next: Some(ReaderKey { done, user_id }),
                    });
                }
                completed.push(funding_id.clone());
                (done, user_id) = (Some(funding_id), None);
            }
        }
    }

    fn events(&self, _run: RunScope, row: &OutcomeReader) -> Result<Vec<Occurrence>, BadRow> {
        row.notices()
    }

    async fn appended(&self, run: RunScope, page: &Page<OutcomeReader, ReaderKey>) -> Result<(), StoreError> {
        for funding_id in &page.completed {
            self.store.mark_announced(funding_id, run.scheduled_at).await?;
        }
        Ok(())
    }
}
