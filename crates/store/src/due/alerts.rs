use chrono::{DateTime, NaiveDate, Utc};
use domain::notice::{DueAlert, PersonRow};
use domain::reminder::{DueMinutes, TimeOfDay};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Statement,
};
use serde::{Deserialize, Serialize};

use super::{after, habits, with_users};
use crate::entity::{alert, user};
use crate::error::Attempting;
use crate::{Store, StoreError};

/// Where a page of due alerts ends. One alert may be due on two days of one window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertKey {
    /// The local day of the last one.
    pub date: NaiveDate,
    /// Its minute of that day.
    pub minute: u16,
    /// Its id.
    pub id: String,
    /// Its owner. Checkpoints of a version that knew only ids that are unique have none.
    #[serde(default)]
    pub user_id: String,
}

impl From<&DueAlert> for AlertKey {
    fn from(row: &DueAlert) -> Self {
        Self {
            date: row.local_date,
            minute: row.at.minute(),
            id: row.alert_id.clone(),
            user_id: row.owner.user_id.clone(),
        }
    }
}

type Row = (
    String,
    String,
    String,
    Option<String>,
    i16,
    String,
    Option<DateTime<Utc>>,
    Option<DateTime<Utc>>,
    Option<String>,
);

/// Each step goes to the next zone in the index. `DISTINCT` would read all of it.
const ZONES: &str = "
    WITH RECURSIVE zones(zone) AS (
        SELECT MIN(effective_zone) FROM alerts
        UNION ALL
        SELECT (SELECT MIN(effective_zone) FROM alerts WHERE effective_zone > zones.zone)
        FROM zones WHERE zones.zone IS NOT NULL
    )
    SELECT zone FROM zones WHERE zone IS NOT NULL";

impl Store {
    /// The time zones whose clocks alerts go by, by name and in order. A name may be one of no zone that exists.
    pub async fn time_zones_in_use(&self) -> Result<Vec<String>, StoreError> {
        self.zones_of_alerts()
            .await
            .attempting("reading the time zones of alerts")
    }

    async fn zones_of_alerts(&self) -> Result<Vec<String>, DbErr> {
        let connection = self.connection();
        let zones = Statement::from_string(connection.get_database_backend(), ZONES);
        let rows = connection.query_all_raw(zones).await?;
        rows.iter().map(|row| row.try_get_by_index(0)).collect()
    }

    /// At most `limit` alerts that go by the clock of `zone` and come due in those minutes, in the order of the minutes.
    ///
    /// `due` is what [`domain::reminder::minutes_due`] gives for that zone.
    pub async fn alerts_due(
        &self,
        zone: &str,
        due: &[DueMinutes],
        last: Option<&AlertKey>,
        limit: u64,
    ) -> Result<Vec<DueAlert>, StoreError> {
        let mut alerts = Vec::new();
        for minutes in due {
            if last.is_some_and(|key| (minutes.date, minutes.until.minute()) < (key.date, key.minute)) {
                continue;
            }
            let missing = limit.saturating_sub(alerts.len() as u64);
            if missing == 0 {
                break;
            }
            // The key lies in one stretch of minutes; those after it are read from their beginning.
            let within = last.filter(|key| {
                key.date == minutes.date
                    && (minutes.from.minute()..=minutes.until.minute()).contains(&key.minute)
            });
            let rows = self.alerts_of(zone, minutes, within, missing).await?;
            alerts.extend(rows.into_iter().filter_map(|row| due_alert(row, minutes.date)));
        }
        Ok(alerts)
    }

    async fn alerts_of(
        &self,
        zone: &str,
        minutes: &DueMinutes,
        last: Option<&AlertKey>,
        limit: u64,
    ) -> Result<Vec<Row>, StoreError> {
        let lower_bound = match last {
            None => alert::Column::AtMinute.gte(number(minutes.from)),
            Some(key) => after(
                [alert::Column::AtMinute, alert::Column::Id, alert::Column::UserId],
                [
                    key.minute.cast_signed().into(),
                    key.id.as_str().into(),
                    key.user_id.as_str().into(),
                ],
            ),
        };
        let weekday = 1_i16 << minutes.weekday().num_days_from_monday();
        let on_that_day = Expr::col((alert::Entity, alert::Column::Weekdays))
            .bit_and(weekday)
            .ne(0_i16);
        let page = alerts_in(zone)
            .filter(lower_bound)
            .filter(alert::Column::AtMinute.lte(number(minutes.until)))
            .filter(on_that_day)
            .order_by_asc(alert::Column::AtMinute)
            .order_by_asc(alert::Column::Id)
            .order_by_asc(alert::Column::UserId)
            .limit(limit);
        page.into_tuple()
            .all(self.connection())
            .await
            .attempting("reading due alerts")
    }
}

fn alerts_in(zone: &str) -> Select<alert::Entity> {
    with_users(alert::Entity::find(), alert::Column::UserId)
        .select_only()
        .columns([
            alert::Column::UserId,
            alert::Column::Id,
            alert::Column::Title,
            alert::Column::Content,
            alert::Column::AtMinute,
            alert::Column::EffectiveZone,
            alert::Column::EffectiveFrom,
            alert::Column::CreatedAt,
        ])
        .column(user::Column::Locale)
        .filter(alert::Column::EffectiveZone.eq(zone))
}

fn number(time: TimeOfDay) -> i16 {
    time.minute().cast_signed()
}

fn due_alert(
    (user_id, alert_id, title, content, minute, zone, effective_from, created_at, locale): Row,
    local_date: NaiveDate,
) -> Option<DueAlert> {
    let at = TimeOfDay::from_minute(minute.cast_unsigned())?;
    Some(DueAlert {
        alert_id,
        title,
        content,
        at,
        local_date,
        created_at,
        effective_from,
        owner: PersonRow {
            user_id,
            habits: habits(locale.as_deref(), Some(&zone)),
        },
    })
}
