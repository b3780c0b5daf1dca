use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use proto_schemas::CloudEvent;
use proto_schemas::events::{timestamp, v1};
use uuid::Uuid;

use super::{BadRow, PersonRow, SOURCE, instant_key};
use crate::occurrence::{Occurrence, event_id};
use crate::reminder::TimeOfDay;
use crate::words::Phrase;

/// An alert that comes due on a local day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueAlert {
    /// The alert.
    pub alert_id: String,
    /// What its owner called it.
    pub title: String,
    /// The piece of content it is for, as the site refers to it.
    pub content: Option<String>,
    /// When, on the clock it goes by.
    pub at: TimeOfDay,
    /// The day on that clock's calendar.
    pub local_date: NaiveDate,
    /// When its owner set it; nothing for those that the site handed over.
    pub created_at: Option<DateTime<Utc>>,
    /// It comes due only after this instant, if any: that of setting it, or of moving it to another time.
    pub effective_from: Option<DateTime<Utc>>,
    /// Its owner; the time zone is that of the clock it goes by.
    pub owner: PersonRow,
}

/// Which alert, among all that there ever were.
///
/// The ids of the site's alerts are unique among them. Those that people give to their own are unique only among each
/// person's, and may be used again once an alert is deleted, which makes it another alert.
#[derive(Debug, Clone, Copy)]
pub struct AlertIdentity<'a> {
    /// Its owner.
    pub user_id: &'a str,
    /// Its id.
    pub alert_id: &'a str,
    /// When its owner set it; nothing for those that the site handed over.
    pub created_at: Option<DateTime<Utc>>,
}

impl AlertIdentity<'_> {
    /// The id of the event that tells of the alert on a local day.
    pub fn due_on(self, local_date: NaiveDate) -> Uuid {
        let date = local_date.to_string();
        match self.created_at {
            None => event_id(&["alert-due", self.alert_id, &date]),
            Some(created_at) => {
                let created_at = instant_key(created_at);
                event_id(&["alert-due", self.user_id, self.alert_id, &created_at, &date])
            }
        }
    }
}

impl DueAlert {
    /// Reminds the owner, unless the alert was set or moved only when the time had passed. One occurrence for each alert
    /// and local day, whenever the check ran.
    pub fn notice(&self) -> Result<Option<Occurrence>, BadRow> {
        let (recipient, reader) = self.owner.read(|| self.row())?;
        let due_at = self.at.instant_on(self.local_date, reader.zone);
        if self.effective_from.is_some_and(|from| due_at <= from) {
            return Ok(None);
        }
        let words = Phrase::AlertDue {
            alert: &self.title,
            at: self.at,
        };
        let event = v1::AlertDue {
            alert_id: self.alert_id.clone(),
            alert_title: self.title.clone(),
            local_date: self.local_date.to_string(),
            due_at: Some(timestamp(due_at)),
            words: Some(words.speak(reader)),
            content: self.content.clone(),
        };
        Ok(Some(Occurrence {
            recipient,
            event: CloudEvent {
                id: self.identity().due_on(self.local_date),
                source: SOURCE.to_owned(),
                time: due_at,
                expiry_time: Some(due_at + TimeDelta::days(1)),
                event: event.into(),
            },
        }))
    }

    fn identity(&self) -> AlertIdentity<'_> {
        AlertIdentity {
            user_id: &self.owner.user_id,
            alert_id: &self.alert_id,
            created_at: self.created_at,
        }
    }

    fn row(&self) -> String {
        match self.created_at {
            None => format!("alert {}", self.alert_id),
            Some(_) => format!("alert {} of {}", self.alert_id, self.owner.user_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::Habits;

    fn alert() -> DueAlert {
        DueAlert {
            alert_id: "a1".to_owned(),
            title: "Stretch".to_owned(),
            content: Some("/lists/7".to_owned()),
            at: "09:00".parse().unwrap(),
            local_date: "2026-11-22".parse().unwrap(),
            created_at: None,
            effective_from: None,
            owner: PersonRow {
                user_id: "ann".to_owned(),
                habits: Habits::new(None, Some("Asia/Seoul")).into(),
            },
        }
    }

    fn set_at(text: &str) -> Option<DateTime<Utc>> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn an_alert_comes_due_only_after_it_was_set_or_moved() {
        let due = |effective_from| {
            let alert = DueAlert {
                effective_from,
                ..alert()
            };
            alert.notice().unwrap().is_some()
        };
        assert!(due(None) && due(set_at("2026-11-21T23:59:59.999999Z")));
        assert!(!due(set_at("2026-11-22T00:00:00Z")) && !due(set_at("2026-11-22T00:05:00Z")));
    }

    #[test]
    fn the_ids_of_events_never_change_between_releases() {
        let id = |alert: DueAlert| alert.notice().unwrap().unwrap().event.id.to_string();
        assert_eq!(id(alert()), "40c1eb9f-0ea0-53e9-9b94-5870551320fa");
        let own = DueAlert {
            created_at: set_at("2026-11-20T12:00:00.000001Z"),
            ..alert()
        };
        assert_eq!(id(own), "9ae0e356-dfa8-5aee-a895-4dc337ab1f85");
    }

    #[test]
    fn an_alert_under_an_id_that_others_use_or_that_is_used_again_is_another() {
        let own = |user_id: &str, created_at: &str| DueAlert {
            created_at: set_at(created_at),
            owner: PersonRow {
                user_id: user_id.to_owned(),
                ..alert().owner
            },
            ..alert()
        };
        let ids = [
            alert(),
            own("ann", "2026-11-20T12:00:00Z"),
            own("ann", "2026-11-20T12:00:01Z"),
            own("bob", "2026-11-20T12:00:00Z"),
        ]
        .map(|alert| alert.notice().unwrap().unwrap().event.id);
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }

    #[test]
    fn a_zone_that_does_not_exist_is_named_with_its_alert() {
        let mut lost = alert();
        lost.owner.habits = Habits::new(None, Some("Mars/Phobos")).into();
        let bad = lost.notice().unwrap_err();
        assert_eq!(bad.row, "alert a1");
        assert!(bad.reason.contains("Mars/Phobos"), "{}", bad.reason);
    }
}
