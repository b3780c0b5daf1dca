use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::due::DueWindow;
use domain::notice::{BadRow, DueAlert};
use domain::occurrence::Occurrence;
use domain::reminder::minutes_due;
use serde::{Deserialize, Serialize};
use store::due::AlertKey;
use store::{Store, StoreError};

use super::{Page, RunScope, Steps};

/// Reminders whose time of day came, on their owner's clock, since the runs before this one.
pub(crate) struct AlertDue {
    pub(crate) store: Store,
    pub(crate) page_rows: u64,
}

/// Zone by zone, and within a zone by the reader's own key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ZoneKey {
    zone: String,
    alert: Option<AlertKey>,
}

impl Steps for AlertDue {
    type Row = DueAlert;
    type Key = ZoneKey;

    async fn earliest_emission(&self, run: RunScope) -> Result<DateTime<Utc>, StoreError> {
        Ok(run.window_start)
    }

    async fn read(&self, run: RunScope, key: Option<ZoneKey>) -> Result<Page<DueAlert, ZoneKey>, StoreError> {
        let window = DueWindow {
            after: run.window_start,
            until: run.scheduled_at,
        };
        let mut rows = Vec::new();
        for name in self.store.time_zones_in_use().await? {
            if key.as_ref().is_some_and(|key| name < key.zone) {
                continue;
            }
            let Ok(zone) = name.parse::<Tz>() else {
                tracing::warn!(
                    time_zone = name,
                    "users are in a time zone that does not exist; their reminders wait"
                );
                continue;
            };
            let missing = self.page_rows - rows.len() as u64;
            let within = key
                .as_ref()
                .filter(|key| key.zone == name)
                .and_then(|key| key.alert.as_ref());
            let found = self
                .store
                .alerts_due(&name, &minutes_due(&window, zone), within, missing)
                .await?;
            rows.extend(found);
            if let Some(last) = rows.last().filter(|_| rows.len() as u64 >= self.page_rows) {
                let next = ZoneKey {
                    zone: name,
                    alert: Some(AlertKey::from(last)),
                };
                return Ok(Page {
                    rows,
                    bad: Vec::new(),
                    completed: Vec::new(),
                    next: Some(next),
                });
            }
        }
        Ok(Page {
            rows,
            bad: Vec::new(),
            completed: Vec::new(),
            next: None,
        })
    }

    fn events(&self, _run: RunScope, row: &DueAlert) -> Result<Vec<Occurrence>, BadRow> {
        row.notice().map(|notice| vec![notice])
    }
}
