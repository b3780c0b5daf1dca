use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::due::DueWindow;
use domain::notice::{BadRow, ExpiringCoupon, RunContext};
use domain::occurrence::Occurrence;
use store::due::{CouponKey, Lookups};
use store::{Store, StoreError};

use crate::engine::Engine;

use super::{Job, Page, RunScope, Steps, days_before, page_of};

/// Active coupons that expire between the scheduled instant and the end of a day soon after.
pub(crate) struct CouponExpiring {
    store: Store,
    zone: Tz,
    lead_days: u32,
    page_rows: u64,
    lookups: Lookups,
}

impl CouponExpiring {
    pub(crate) fn new(engine: &Engine) -> Self {
        let settings = engine.settings();
        Self {
            store: engine.store().clone(),
            zone: engine.zone(Job::CouponExpiring),
            lead_days: settings.coupon_expiring.lead_days,
            page_rows: settings.chunk_rows,
            lookups: Lookups::default(),
        }
    }

    fn window(&self, run: RunScope) -> DueWindow {
        DueWindow::days_ahead(run.scheduled_at, self.lead_days, self.zone)
    }
}

impl Steps for CouponExpiring {
    type Row = ExpiringCoupon;
    type Key = CouponKey;

    async fn earliest_emission(&self, run: RunScope) -> Result<DateTime<Utc>, StoreError> {
        Ok(days_before(run, self.lead_days))
    }

    async fn total(&self, run: RunScope) -> Result<Option<u64>, StoreError> {
        self.store
            .count_coupons_expiring(&self.window(run))
            .await
            .map(Some)
    }

    async fn read(
        &self,
        run: RunScope,
        key: Option<CouponKey>,
    ) -> Result<Page<ExpiringCoupon, CouponKey>, StoreError> {
        let rows = self
            .store
            .coupons_expiring(&self.window(run), key.as_ref(), self.page_rows, &self.lookups)
            .await?;
        Ok(page_of(rows, self.page_rows, |row| CouponKey::from(row)))
    }

    fn events(&self, run: RunScope, row: &ExpiringCoupon) -> Result<Vec<Occurrence>, BadRow> {
        row.notice(RunContext {
            scheduled_at: run.scheduled_at,
        })
        .map(|notice| vec![notice])
    }
}
