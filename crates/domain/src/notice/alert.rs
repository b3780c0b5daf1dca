use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use proto_schemas::CloudEvent;
use proto_schemas::events::{timestamp, v1};

use super::{BadRow, PersonRow, SOURCE};
use crate::occurrence::{Occurrence, event_id};
use crate::reminder::TimeOfDay;
use crate::words::Phrase;

/// A reminder that comes due on a local day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueAlert {
    /// The reminder.
    pub alert_id: String,
    /// What its owner called it.
    pub title: String,
    /// When, on their clock.
    pub at: TimeOfDay,
    /// The day on their calendar.
    pub local_date: NaiveDate,
    /// Their time zone, in which the day was found.
    pub zone: Tz,
    /// Its owner.
    pub owner: PersonRow,
}

impl DueAlert {
    /// Reminds the owner. One occurrence for each reminder and local day, whenever the check ran.
    pub fn notice(&self) -> Result<Occurrence, BadRow> {
        let (recipient, reader) = self.owner.read(|| format!("alert {}", self.alert_id))?;
        let due_at = self.at.instant_on(self.local_date, self.zone);
        let local_date = self.local_date.to_string();
        let words = Phrase::AlertDue {
            alert: &self.title,
            at: self.at,
        };
        let event = v1::AlertDue {
            alert_id: self.alert_id.clone(),
            alert_title: self.title.clone(),
            local_date: local_date.clone(),
            due_at: Some(timestamp(due_at)),
            words: Some(words.speak(&reader)),
        };
        Ok(Occurrence {
            recipient,
            event: CloudEvent {
                id: event_id(&["alert-due", &self.alert_id, &local_date]),
                source: SOURCE.to_owned(),
                time: due_at,
                expiry_time: Some(due_at + TimeDelta::days(1)),
                event: event.into(),
            },
        })
    }
}
