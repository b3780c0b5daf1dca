use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::notice::AlertIdentity;
use domain::reminder::Recurrence;
use proto_schemas::UserId;
use serde::Serialize;
use service_kit::problem::Problem;
use store::alerts::AlertRecord;
use utoipa::ToSchema;
use uuid::Uuid;

use super::values::Day;
use crate::Inbox;
use crate::tables::answered;

/// How many days ahead may have been told already. An alert that was moved to a later time may have fired today; whoever
/// then went west across the date line has today before them again, and up to two more days of theirs were told.
const DAYS_AHEAD: usize = 4;

/// An alert.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Alert {
    /// Its id: a UUID, or for those that the site set, whatever it chose.
    #[schema(example = "0b9f3c1e-5d0a-4c55-9d0e-2f6c1c9a7f10")]
    id: String,
    /// What its owner called it.
    title: String,
    /// The piece of content it is for, as the site refers to it.
    content: Option<String>,
    /// The time of day.
    #[schema(example = "19:30")]
    at: String,
    /// On which days.
    weekdays: Vec<Day>,
    /// The time zone whose clock it goes by, where that is not its owner's.
    time_zone: Option<String>,
    /// When its owner set it; absent for those that the site set.
    created_at: Option<DateTime<Utc>>,
    /// When it comes due next. Absent only where its time zone does not exist.
    next_due_at: Option<DateTime<Utc>>,
}

/// Alerts in the order of their ids.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertPage {
    pub(crate) alerts: Vec<Alert>,
    /// Pass it as `after` for the page after this one; absent on the last.
    pub(crate) next: Option<String>,
}

impl Inbox {
    pub(crate) async fn shown_alert(&self, owner: &UserId, alert: AlertRecord) -> Result<Alert, Problem> {
        let next_due_at = self.next_due(owner, std::slice::from_ref(&alert)).await?;
        Ok(Alert::new(alert, next_due_at.first().copied().flatten()))
    }

    pub(crate) async fn shown_alerts(
        &self,
        owner: &UserId,
        alerts: Vec<AlertRecord>,
    ) -> Result<Vec<Alert>, Problem> {
        let next_due_at = self.next_due(owner, &alerts).await?;
        let shown = alerts.into_iter().zip(next_due_at);
        Ok(shown.map(|(alert, next)| Alert::new(alert, next)).collect())
    }

    /// When each comes due next: its first instant from now on whose day it has not been told of.
    async fn next_due(
        &self,
        owner: &UserId,
        alerts: &[AlertRecord],
    ) -> Result<Vec<Option<DateTime<Utc>>>, Problem> {
        let now = Utc::now();
        let ahead: Vec<_> = alerts.iter().map(|alert| days_ahead(owner, alert, now)).collect();
        let events: Vec<Uuid> = ahead.iter().flatten().map(|(event, _)| *event).collect();
        let told = answered(self.store.known_event_ids(&events).await)?;
        let first = |days: Vec<(Uuid, DateTime<Utc>)>| {
            let next = days.into_iter().find(|(event, _)| !told.contains(event));
            next.map(|(_, due_at)| due_at)
        };
        Ok(ahead.into_iter().map(first).collect())
    }
}

/// The next instants at which an alert comes due by its clock, each with the event that would tell of it.
fn days_ahead(owner: &UserId, alert: &AlertRecord, now: DateTime<Utc>) -> Vec<(Uuid, DateTime<Utc>)> {
    let Ok(zone) = alert.zone.parse::<Tz>() else {
        return Vec::new();
    };
    let identity = AlertIdentity {
        user_id: owner.as_str(),
        alert_id: &alert.id,
        created_at: alert.created_at,
    };
    let recurrence = Recurrence {
        at: alert.setting.at,
        weekdays: alert.setting.weekdays,
        zone,
    };
    let from = alert.effective_from.map_or(now, |from| from.max(now));
    recurrence
        .after(from)
        .take(DAYS_AHEAD)
        .map(|(date, due_at)| (identity.due_on(date), due_at))
        .collect()
}

impl Alert {
    fn new(alert: AlertRecord, next_due_at: Option<DateTime<Utc>>) -> Self {
        let setting = alert.setting;
        Self {
            id: alert.id,
            title: setting.title,
            content: setting.content,
            at: setting.at.to_string(),
            weekdays: setting.weekdays.days().map(Day::from).collect(),
            time_zone: setting.time_zone,
            created_at: alert.created_at,
            next_due_at,
        }
    }
}
