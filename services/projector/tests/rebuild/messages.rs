//! Messages of every kind that a log may hold.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::inbox::{Change, StateChanged, Target};
use domain::preferences::Preferences;
use event_log::Record;
use proto_schemas::{CloudEvent, Recipient, UserId};
use serde_json::json;
use uuid::Uuid;

const PEOPLE: u64 = 7;

pub(crate) fn user(number: u64) -> UserId {
    UserId::new(format!("u{number}")).unwrap()
}

/// The event of the coupon with that number, which is for the person `number` modulo 7.
pub(crate) fn coupon_id(number: u64) -> Uuid {
    Uuid::from_u64_pair(7, number)
}

pub(crate) fn coupon(number: u64) -> Record {
    let title = format!("Coupon {number}");
    record(
        Recipient::User(user(number % PEOPLE)),
        told(coupon_id(number), number, &title),
    )
}

/// With a character that PostgreSQL does not keep.
pub(crate) fn with_nul(number: u64) -> Record {
    let event = told(coupon_id(number), number, "not \u{0} kept");
    record(Recipient::User(user(number % PEOPLE)), event)
}

pub(crate) fn announcement_id(number: u64) -> Uuid {
    Uuid::from_u64_pair(8, number)
}

pub(crate) fn announcement(number: u64) -> Record {
    let event = json!({
        "specversion": "1.0", "id": announcement_id(number), "source": "/test", "time": at(number),
        "type": "lastcall.announcement.posted.v1", "subject": format!("announcement/{number}"),
        "data": { "announcementId": number.to_string(), "words": [
            { "locale": "en", "title": "For all", "body": "Hello" }, { "locale": "ko", "title": "모두에게", "body": "안녕" },
        ] },
    });
    record(Recipient::Everybody, event.to_string().into_bytes())
}

pub(crate) fn changed(person: u64, change: Change, target: Target, number: u64) -> Record {
    let user = user(person);
    let event = StateChanged {
        user: user.clone(),
        change,
        target,
        at: at(number),
    };
    of_event(
        Recipient::User(user),
        &event.into_event(Uuid::from_u64_pair(9, number)),
    )
}

pub(crate) fn wants_no_coupons(person: u64, number: u64) -> Record {
    let preferences = Preferences {
        types_off: ["lastcall.coupon.expiring.v1".to_owned()].into(),
        ..Preferences::default()
    };
    wants(person, preferences, number)
}

pub(crate) fn wants(person: u64, preferences: Preferences, number: u64) -> Record {
    let event = preferences.into_event(user(person), Uuid::from_u64_pair(10, number), at(number));
    of_event(Recipient::User(user(person)), &event)
}

pub(crate) fn unreadable(person: u64) -> Record {
    record(Recipient::User(user(person)), b"no JSON".to_vec())
}

/// A part of a log, the same each time: everything above, some of it twice.
pub(crate) fn mixture(from: u64, to: u64) -> Vec<Record> {
    (from..to).map(mixed).collect()
}

fn mixed(number: u64) -> Record {
    let (person, earlier) = (number % PEOPLE, number.saturating_sub(PEOPLE));
    match number % 23 {
        3 => changed(
            person,
            Change::Read,
            Target::Named(vec![coupon_id(earlier)]),
            number,
        ),
        7 => changed(person, Change::Seen, Target::UpTo(number.min(40)), number),
        9 => changed(
            person,
            Change::Unread,
            Target::Named(vec![coupon_id(earlier)]),
            number,
        ),
        11 => changed(
            person,
            Change::Archived,
            Target::Named(vec![coupon_id(earlier)]),
            number,
        ),
        // Somebody else's.
        12 => changed(
            person,
            Change::Archived,
            Target::Named(vec![coupon_id(number - 1)]),
            number,
        ),
        13 => changed(
            person,
            Change::Read,
            Target::Named(vec![announcement_id(number.saturating_sub(14))]),
            number,
        ),
        14 => changed(
            person,
            Change::Unarchived,
            Target::Named(vec![coupon_id(earlier)]),
            number,
        ),
        // Later in the log.
        15 => changed(
            person,
            Change::Read,
            Target::Named(vec![coupon_id(number + PEOPLE)]),
            number,
        ),
        16 => unreadable(person),
        17 => coupon(earlier),
        18 if number.is_multiple_of(5) => with_nul(number),
        19 => wants_no_coupons(person, number),
        20 if number.is_multiple_of(2) => wants(person, Preferences::default(), number),
        22 => announcement(number),
        // The coupon of the person before, told to this one too: only somebody who publishes by hand does that.
        21 if number.is_multiple_of(3) => record(
            Recipient::User(user(person)),
            told(coupon_id(number - 1), number, "the same event"),
        ),
        _ => coupon(number),
    }
}

fn told(id: Uuid, number: u64, title: &str) -> Vec<u8> {
    let event = json!({
        "specversion": "1.0", "id": id, "source": "/test", "time": at(number),
        "type": "lastcall.coupon.expiring.v1", "subject": format!("coupon/{number}"),
        "data": {
            "couponId": number.to_string(), "expiresAt": at(number + 1),
            "words": { "locale": "en", "title": title, "body": "It's \"soon\"\\\t쿠폰 🎉" },
        },
    });
    event.to_string().into_bytes()
}

fn of_event(recipient: Recipient, event: &CloudEvent) -> Record {
    record(recipient, event.to_json().unwrap())
}

/// Under a message id of its own, so that the log does not know an event that it has already.
fn record(recipient: Recipient, payload: Vec<u8>) -> Record {
    Record {
        recipient,
        id: Uuid::new_v4(),
        payload: Bytes::from(payload),
    }
}

fn at(number: u64) -> DateTime<Utc> {
    let microseconds = 1_760_000_000_123_456 + number.cast_signed() * 1_000_001;
    DateTime::from_timestamp_micros(microseconds).unwrap()
}
