use chrono::NaiveDate;
use chrono_tz::Tz;
use domain::notice::DueAlert;
use domain::reminder::{DueMinutes, TimeOfDay};
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use serde::{Deserialize, Serialize};

use super::{after, person, with_users};
use crate::entity::{alert, user};
use crate::error::Attempting;
use crate::{Store, StoreError};

/// The zone of people who have told none, or whom nobody knows.
const UNKNOWN_ZONE: &str = "UTC";

/// Where a page of due reminders ends. One reminder may be due on two days of one window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertKey {
    /// The local day of the last one.
    pub date: NaiveDate,
    /// Its minute of that day.
    pub minute: u16,
    /// Its id.
    pub id: String,
}

impl From<&DueAlert> for AlertKey {
    fn from(row: &DueAlert) -> Self {
        Self {
            date: row.local_date,
            minute: row.at.minute(),
            id: row.alert_id.clone(),
        }
    }
}

type Row = (String, String, i16, String, Option<String>, Option<String>);

impl Store {
    /// The time zones that users have, by name and in order, with `UTC` for those who have told none.
    pub async fn time_zones_in_use(&self) -> Result<Vec<String>, StoreError> {
        let mut zones: Vec<String> = user::Entity::find()
            .select_only()
            .column(user::Column::TimeZone)
            .distinct()
            .filter(user::Column::TimeZone.is_not_null())
            .into_tuple()
            .all(self.connection())
            .await
            .attempting("reading the time zones of users")?;
        zones.push(UNKNOWN_ZONE.to_owned());
        zones.sort_unstable();
        zones.dedup();
        Ok(zones)
    }

    /// At most `limit` reminders of people in `zone` that come due in those minutes, in the order of the minutes.
    ///
    /// `due` is what [`domain::reminder::minutes_due`] gives for that zone.
    pub async fn alerts_due(
        &self,
        zone: &str,
        due: &[DueMinutes],
        last: Option<&AlertKey>,
        limit: u64,
    ) -> Result<Vec<DueAlert>, StoreError> {
        let parsed: Tz = zone.parse().map_err(|_| StoreError::Stored {
            row: "a user".to_owned(),
            column: "time_zone",
            found: zone.to_owned(),
        })?;
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
            alerts.extend(
                rows.into_iter()
                    .filter_map(|row| due_alert(row, minutes.date, parsed)),
            );
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
                [alert::Column::AtMinute, alert::Column::Id],
                [key.minute.cast_signed().into(), key.id.as_str().into()],
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
            .limit(limit);
        page.into_tuple()
            .all(self.connection())
            .await
            .attempting("reading due reminders")
    }
}

fn alerts_in(zone: &str) -> Select<alert::Entity> {
    let their_zone = Func::coalesce([
        Expr::col((user::Entity, user::Column::TimeZone)),
        UNKNOWN_ZONE.into(),
    ]);
    with_users(alert::Entity::find(), alert::Column::UserId)
        .select_only()
        .columns([
            alert::Column::Id,
            alert::Column::Title,
            alert::Column::AtMinute,
            alert::Column::UserId,
        ])
        .columns([user::Column::Locale, user::Column::TimeZone])
        .filter(Expr::expr(their_zone).eq(zone))
}

fn number(time: TimeOfDay) -> i16 {
    time.minute().cast_signed()
}

fn due_alert(
    (alert_id, title, minute, owner, locale, time_zone): Row,
    local_date: NaiveDate,
    zone: Tz,
) -> Option<DueAlert> {
    let at = TimeOfDay::from_minute(minute.cast_unsigned())?;
    Some(DueAlert {
        alert_id,
        title,
        at,
        local_date,
        zone,
        owner: person(owner, (locale, time_zone)),
    })
}
