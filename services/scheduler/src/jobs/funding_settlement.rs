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
pub(crate) struct FundingSettlement<'a> {
    pub(crate) store: &'a Store,
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

/// Somebody to tell, or the end of those whom a funding concerns.
pub(crate) enum Row {
    Reader(OutcomeReader),
    End { funding_id: String },
}

impl Steps for FundingSettlement<'_> {
    type Row = Row;
    type Key = ReaderKey;

    async fn prepare(&self, run: RunScope) -> Result<(), StoreError> {
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
                None => return Ok(()),
            };
        }
    }

    async fn read(&self, _run: RunScope, key: Option<ReaderKey>) -> Result<Page<Row, ReaderKey>, StoreError> {
        let ReaderKey {
            mut done,
            mut user_id,
        } = key.unwrap_or(ReaderKey {
            done: None,
            user_id: None,
        });
        let mut rows: Vec<Row> = Vec::new();
        loop {
            let fundings = self
                .store
                .unannounced_fundings(done.as_deref(), self.page_rows)
                .await?;
            if fundings.is_empty() {
                return Ok(Page { rows, next: None });
            }
            for SettledFunding { funding_id, .. } in fundings {
                let missing = self.page_rows - rows.len() as u64;
                let readers = self
                    .store
                    .outcome_readers(&funding_id, user_id.as_deref(), missing)
                    .await?;
                let whole = (readers.len() as u64) < missing;
                user_id = readers.last().map(|reader| reader.person.user_id.clone());
                rows.extend(readers.into_iter().map(Row::Reader));
                if !whole {
                    return Ok(Page {
                        rows,
                        next: Some(ReaderKey { done, user_id }),
                    });
                }
                rows.push(Row::End {
                    funding_id: funding_id.clone(),
                });
                (done, user_id) = (Some(funding_id), None);
                if rows.len() as u64 >= self.page_rows {
                    return Ok(Page {
                        rows,
                        next: Some(ReaderKey { done, user_id }),
                    });
                }
            }
        }
    }

    fn events(&self, _run: RunScope, row: &Row) -> Result<Vec<Occurrence>, BadRow> {
        match row {
            Row::Reader(reader) => reader.notices(),
            Row::End { .. } => Ok(Vec::new()),
        }
    }

    async fn appended(&self, run: RunScope, page: &Page<Row, ReaderKey>) -> Result<(), StoreError> {
        for row in &page.rows {
            if let Row::End { funding_id } = row {
                self.store.mark_announced(funding_id, run.scheduled_at).await?;
            }
        }
        Ok(())
    }
}
