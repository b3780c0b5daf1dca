use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::due::DueWindow;
use domain::notice::{BadRow, DueAlert};
use domain::occurrence::Occurrence;
use domain::reminder::{DueMinutes, first_instant_anywhere, minutes_due};
use serde::{Deserialize, Serialize};
use store::due::AlertKey;
use store::{Store, StoreError};

use crate::engine::Engine;

use super::{Page, RunScope, Steps};

/// Alerts whose time of day came, on the clock they go by, since the runs before this one.
pub(crate) struct AlertDue {
    store: Store,
    page_rows: u64,
}

/// Zone by zone, and within a zone by the reader's own key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ZoneKey {
    zone: String,
    alert: Option<AlertKey>,
}

impl AlertDue {
    pub(crate) fn new(engine: &Engine) -> Self {
        Self {
            store: engine.store().clone(),
            page_rows: engine.settings().chunk_rows,
        }
    }

    /// The zones that alerts go by, each with the minutes that came on its clocks.
    ///
    /// No clock shows the time of a zone that does not exist. Its alerts are read by UTC's, so that each is recorded as a
    /// bad row once for each of its days, and not by every check.
    async fn minutes_by_zone(&self, run: RunScope) -> Result<Vec<(String, Vec<DueMinutes>)>, StoreError> {
        let window = DueWindow {
            after: run.window_start,
            until: run.scheduled_at,
        };
        let zones = self.store.time_zones_in_use().await?.into_iter();
        Ok(zones
            .map(|name| {
                let minutes = minutes_due(&window, name.parse().unwrap_or(Tz::UTC));
                (name, minutes)
            })
            .collect())
    }
}

impl Steps for AlertDue {
    type Row = DueAlert;
    type Key = ZoneKey;

    /// An alert that is being set while its time comes is either read by this run or knows that it was set too late.
    async fn prepare(&self, _run: RunScope) -> Result<Vec<BadRow>, StoreError> {
        self.store.wait_for_alerts().await?;
        Ok(Vec::new())
    }

    /// An alert that was moved to a later time, or whose owner went to another zone, may have fired for the same day
    /// before.
    async fn earliest_emission(&self, run: RunScope) -> Result<DateTime<Utc>, StoreError> {
        let zones = self.minutes_by_zone(run).await?;
        let days = zones.iter().flat_map(|(_, due)| due).map(|minutes| minutes.date);
        Ok(days.min().map_or(run.window_start, |first| {
            first_instant_anywhere(first).min(run.window_start)
        }))
    }

    async fn read(&self, run: RunScope, key: Option<ZoneKey>) -> Result<Page<DueAlert, ZoneKey>, StoreError> {
        let mut rows: Vec<DueAlert> = Vec::new();
        let mut next = None;
        for (zone, due) in self.minutes_by_zone(run).await? {
            if key.as_ref().is_some_and(|key| zone < key.zone) {
                continue;
            }
            let missing = self.page_rows - rows.len() as u64;
            let within = key
                .as_ref()
                .filter(|key| key.zone == zone)
                .and_then(|key| key.alert.as_ref());
            let found = self.store.alerts_due(&zone, &due, within, missing).await?;
            rows.extend(found);
            if let Some(last) = rows.last().filter(|_| rows.len() as u64 >= self.page_rows) {
                let alert = Some(AlertKey::from(last));
                next = Some(ZoneKey { zone, alert });
                break;
            }
        }
        Ok(Page {
            rows,
            bad: Vec::new(),
            completed: Vec::new(),
            next,
        })
    }

    fn events(&self, _run: RunScope, row: &DueAlert) -> Result<Vec<Occurrence>, BadRow> {
        Ok(row.notice()?.into_iter().collect())
    }
}
