//! A log as a site makes it: mostly notifications for many people, and now and then what people do with them, what they
//! want, and something for everybody.
//!
//! Written by hand and by nothing of ours, as a program in another language would.

use async_nats::Subject;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::messages::Message;

/// Of a hundred messages, so many say what somebody did with notifications.
const STATE_CHANGES: u64 = 8;

/// Of a hundred messages, so many say what somebody wants. All others are notifications.
const PREFERENCES: u64 = 1;

/// One message of so many is for everybody.
const AN_ANNOUNCEMENT: u64 = 5_000;

/// One change of state of so many is for everything so far; the others name one notification.
const AN_UP_TO: u64 = 3;

/// How many messages a person has in the whole log.
const A_USER: u64 = 20;

/// How many messages in a row are about one funding.
const A_FUNDING: u64 = 100;

const COUPON_EXPIRING: &str = "lastcall.coupon.expiring.v1";

/// Makes messages, the same ones each time, in the order in which the log is to hold them.
#[derive(Debug)]
pub struct MixedLog {
    users: u64,
    made: u64,
    notifications: u64,
    /// Of each person.
    newest: Vec<Option<Uuid>>,
    began: DateTime<Utc>,
}

impl MixedLog {
    /// For a log of about so many messages, the first of them from that instant.
    pub fn new(messages: u64, began: DateTime<Utc>) -> Self {
        let users = messages / A_USER + 1;
        Self {
            users,
            made: 0,
            notifications: 0,
            newest: vec![None; usize::try_from(users).unwrap_or(usize::MAX)],
            began,
        }
    }

    /// How many messages there are so far.
    pub fn made(&self) -> u64 {
        self.made
    }

    /// How many of them are notifications of one person each.
    pub fn notifications(&self) -> u64 {
        self.notifications
    }

    /// The next messages.
    pub fn take(&mut self, messages: u64) -> Vec<Message> {
        (0..messages).map(|_| self.message()).collect()
    }

    fn message(&mut self) -> Message {
        self.made += 1;
        let sequence = self.made;
        let user = scattered(sequence) % self.users;
        if sequence.is_multiple_of(AN_ANNOUNCEMENT) {
            return self.event(
                "evt.all",
                "lastcall.announcement.posted.v1",
                &announcement(sequence),
            );
        }
        let subject = format!("evt.user.u{user}");
        match sequence % 100 {
            kind if kind < STATE_CHANGES => {
                let data = self.state_changed(sequence, user);
                self.event(&subject, "lastcall.notification.state.changed.v1", &data)
            }
            kind if kind < STATE_CHANGES + PREFERENCES => {
                let data = preferences_changed(sequence, user);
                self.event(&subject, "lastcall.preferences.changed.v1", &data)
            }
            _ => {
                let data = self.coupon_expiring(sequence, user);
                self.event(&subject, COUPON_EXPIRING, &data)
            }
        }
    }

    fn event(&self, subject: &str, event_type: &str, data: &Value) -> Message {
        let sequence = self.made;
        let id = id(sequence).to_string();
        let event = json!({
            "specversion": "1.0",
            "id": id,
            "source": "/benchmark",
            "type": event_type,
            "subject": format!("message/{sequence}"),
            "time": self.instant(sequence, TimeDelta::zero()),
            "expirytime": self.instant(sequence, TimeDelta::days(1)),
            "datacontenttype": "application/json",
            "data": data,
        });
        Message {
            subject: Subject::from(subject),
            id,
            payload: event.to_string().into(),
        }
    }

    fn coupon_expiring(&mut self, sequence: u64, user: u64) -> Value {
        if let Some(newest) = usize::try_from(user)
            .ok()
            .and_then(|user| self.newest.get_mut(user))
        {
            *newest = Some(id(sequence));
        }
        self.notifications += 1;
        let funding = sequence / A_FUNDING;
        let (title, expires_at) = (
            format!("Moonlight Brewery {funding}"),
            self.instant(sequence, TimeDelta::days(1)),
        );
        let words = if user.is_multiple_of(2) {
            json!({ "locale": "ko", "title": "쿠폰이 곧 만료됩니다",
                "body": format!("‘{title}’에서 받은 쿠폰은 {expires_at}까지 쓸 수 있습니다.") })
        } else {
            json!({ "locale": "en", "title": "A coupon is about to expire",
                "body": format!("Your coupon from “{title}” can be used until {expires_at}.") })
        };
        json!({
            "couponId": format!("c{sequence}"),
            "fundingId": format!("f{funding}"),
            "fundingTitle": title,
            "expiresAt": expires_at,
            "words": words,
        })
    }

    fn state_changed(&self, sequence: u64, user: u64) -> Value {
        let newest = usize::try_from(user).ok().and_then(|user| self.newest.get(user));
        let user = format!("u{user}");
        match newest.copied().flatten() {
            Some(newest) if !sequence.is_multiple_of(AN_UP_TO) => {
                let change = match sequence % 4 {
                    0 => "STATE_CHANGE_SEEN",
                    1 => "STATE_CHANGE_ARCHIVED",
                    _ => "STATE_CHANGE_READ",
                };
                json!({ "userId": user, "change": change, "notificationIds": [newest] })
            }
            _ => json!({ "userId": user, "change": "STATE_CHANGE_READ", "upTo": (sequence - 1).to_string() }),
        }
    }

    fn instant(&self, sequence: u64, later: TimeDelta) -> String {
        let after = TimeDelta::milliseconds(i64::try_from(sequence).unwrap_or(i64::MAX));
        (self.began + after + later).to_rfc3339_opts(SecondsFormat::Millis, true)
    }
}

fn preferences_changed(sequence: u64, user: u64) -> Value {
    let types_off = if sequence.is_multiple_of(3) {
        vec![COUPON_EXPIRING]
    } else {
        Vec::new()
    };
    json!({
        "userId": format!("u{user}"),
        "preferences": {
            "typesOff": types_off,
            "quietHours": { "from": "22:00", "to": "07:00", "timeZone": "Asia/Seoul" },
            "mutedFundings": [format!("f{}", sequence / A_FUNDING)],
        },
    })
}

fn announcement(sequence: u64) -> Value {
    json!({
        "announcementId": format!("n{sequence}"),
        "words": [
            { "locale": "en", "title": "The site rests tonight", "body": format!("Number {sequence}.") },
            { "locale": "ko", "title": "오늘 밤 점검이 있습니다", "body": format!("{sequence}번째.") },
        ],
        "link": format!("/news/{sequence}"),
    })
}

/// As good as random: people of neighbouring messages, and ids, have nothing to do with one another.
fn scattered(sequence: u64) -> u64 {
    let mixed = sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 16
}

fn id(sequence: u64) -> Uuid {
    Uuid::from_u64_pair(scattered(sequence), scattered(!sequence) ^ sequence)
}
