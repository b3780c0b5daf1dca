//! What people are told here, through the log.

use chrono::{DateTime, Utc};
use event_log::Record;
use proto_schemas::events::v1::{AnnouncementPosted, CouponExpiring, Words};
use proto_schemas::{CloudEvent, Event, Recipient, UserId};
use serde_json::Value;
use store::projection::NOTIFICATIONS;
use test_support::lastcall::eventually;
use uuid::Uuid;

use crate::Inbox;

pub(crate) fn words(locale: &str, title: &str) -> Words {
    Words {
        locale: locale.to_owned(),
        title: title.to_owned(),
        body: "“Night, \"Owl\"”".to_owned(),
    }
}

/// An event of a coupon.
pub(crate) fn coupon(number: usize) -> Event {
    CouponExpiring {
        coupon_id: format!("c{number}"),
        words: Some(words("en", "Your coupon expires soon")),
        ..CouponExpiring::default()
    }
    .into()
}

pub(crate) fn announcement(words: Vec<Words>) -> Event {
    AnnouncementPosted {
        announcement_id: "a1".to_owned(),
        words,
        link: Some("/news/1".to_owned()),
    }
    .into()
}

pub(crate) fn envelope(event: Event) -> CloudEvent {
    CloudEvent {
        id: Uuid::new_v4(),
        source: "/lastcall/tests".to_owned(),
        time: "2026-11-21T09:00:00Z".parse::<DateTime<Utc>>().unwrap(),
        expiry_time: None,
        event,
    }
}

pub(crate) fn user(id: &str) -> Recipient {
    Recipient::User(UserId::new(id).unwrap())
}

impl Inbox {
    /// Tells somebody something, and says where in the log.
    pub(crate) async fn tell(&self, recipient: Recipient, event: &CloudEvent) -> u64 {
        let record = Record {
            recipient,
            id: event.id,
            payload: event.to_json().unwrap().into(),
        };
        self.log.append_if_last(&record, None).await.unwrap().sequence
    }

    /// Tells a person of so many coupons, and waits for the table; their ids in the order of the log.
    pub(crate) async fn tell_of_coupons(&self, person: &str, count: usize) -> Vec<Uuid> {
        let mut ids = Vec::new();
        for number in 0..count {
            let event = envelope(coupon(number));
            self.tell(user(person), &event).await;
            ids.push(event.id);
        }
        self.until_projected().await;
        ids
    }

    /// Waits until the table has what the log has.
    pub(crate) async fn until_projected(&self) {
        let end = self.log.bounds().await.unwrap().last_sequence;
        eventually("the table follows", async || {
            let position = self.store.projection_position(NOTIFICATIONS).await.unwrap();
            position.filter(|position| position.sequence >= end)
        })
        .await;
    }

    /// A place in the log, as clients write it.
    pub(crate) fn at(&self, sequence: u64) -> String {
        self.log.epoch().at(sequence).to_string()
    }
}

/// The list in an answer.
pub(crate) fn items(page: &Value) -> &Vec<Value> {
    page["notifications"].as_array().unwrap()
}

/// What each item of a list has in a field.
pub(crate) fn each<'a>(page: &'a Value, field: &str) -> Vec<&'a str> {
    items(page)
        .iter()
        .map(|item| item[field].as_str().unwrap())
        .collect()
}
