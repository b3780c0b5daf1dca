use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::due::DueWindow;
use domain::notice::{BadRow, ClosingFollow, RunContext};
use domain::occurrence::Occurrence;
use store::due::FollowKey;
use store::{Store, StoreError};

use crate::engine::Engine;

use super::{Job, Page, RunScope, Steps, days_before, page_of};

/// Followers of open fundings that close between the scheduled instant and the end of a day soon after.
pub(crate) struct FundingClosing {
    store: Store,
    zone: Tz,
    lead_days: u32,
    page_rows: u64,
}

impl FundingClosing {
    pub(crate) fn new(engine: &Engine) -> Self {
        let settings = engine.settings();
        Self {
            store: engine.store().clone(),
            zone: engine.zone(Job::FundingClosing),
            lead_days: settings.funding_closing.lead_days,
            page_rows: settings.chunk_rows,
        }
    }

    fn window(&self, run: RunScope) -> DueWindow {
        DueWindow::days_ahead(run.scheduled_at, self.lead_days, self.zone)
    }
}

impl Steps for FundingClosing {
    type Row = ClosingFollow;
    type Key = FollowKey;

    async fn earliest_emission(&self, run: RunScope) -> Result<DateTime<Utc>, StoreError> {
        Ok(days_before(run, self.lead_days))
    }

    async fn total(&self, run: RunScope) -> Result<Option<u64>, StoreError> {
        self.store
            .count_follows_closing(&self.window(run))
            .await
            .map(Some)
    }

    async fn read(
        &self,
        run: RunScope,
        key: Option<FollowKey>,
    ) -> Result<Page<ClosingFollow, FollowKey>, StoreError> {
        let rows = self
            .store
            .follows_closing(&self.window(run), key.as_ref(), self.page_rows)
            .await?;
        Ok(page_of(rows, self.page_rows, |row| FollowKey::from(row)))
    }

    fn events(&self, run: RunScope, row: &ClosingFollow) -> Result<Vec<Occurrence>, BadRow> {
        row.notice(RunContext {
            scheduled_at: run.scheduled_at,
        })
        .map(|notice| vec![notice])
    }
}
