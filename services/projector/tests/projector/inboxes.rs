//! What people do and want, from the log into their inboxes.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::entry::Entry;
use domain::inbox::{Change, StateChanged, Target};
use domain::preferences::{Preferences, Silence};
use event_log::Record;
use proto_schemas::{CloudEvent, Recipient, UserId};
use store::Store;
use store::inbox::{AsOf, Filter, InboxPage, StateFilter};
use store::projection::{NOTIFICATIONS, ProjectedBatch};
use uuid::Uuid;

use crate::{Setting, coupon, projected_until, setting, start};

fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

fn record(recipient: Recipient, event: &CloudEvent) -> Record {
    Record {
        recipient,
        id: event.id,
        payload: event.to_json().unwrap().into(),
    }
}

fn now() -> DateTime<Utc> {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn changed(by: &str, change: Change, target: Target) -> Record {
    let changed = StateChanged {
        user: user(by),
        change,
        target,
        at: now(),
    };
    record(Recipient::User(user(by)), &changed.into_event(Uuid::new_v4()))
}

fn wanted(by: &str, preferences: Preferences) -> Record {
    let event = preferences.into_event(user(by), Uuid::new_v4(), now());
    record(Recipient::User(user(by)), &event)
}

fn without_coupons() -> Preferences {
    Preferences {
        types_off: ["lastcall.coupon.expiring.v1".to_owned()].into(),
        ..Preferences::default()
    }
}

/// Coupons of one person: numbers that all leave the same rest.
fn of_u1(number: usize) -> Record {
    coupon(1 + 7 * number)
}

async fn inbox(store: &Store, of: &str) -> AsOf<InboxPage> {
    let all = Filter {
        state: StateFilter::All,
        ..Filter::default()
    };
    store
        .list_notifications(&user(of), &all, None, 1_000)
        .await
        .unwrap()
}

#[tokio::test]
async fn what_a_person_did_and_wanted_counts_from_its_place_in_the_log_on() {
    let setting = setting().await;
    let (first, later) = (of_u1(1), of_u1(4));
    let records = [
        first.clone(),
        of_u1(2),
        // Not there yet.
        changed("u1", Change::Read, Target::Named(vec![later.id])),
        changed("u1", Change::Read, Target::Named(vec![first.id])),
        wanted("u1", without_coupons()),
        of_u1(3),
        wanted("u1", Preferences::default()),
        later,
        changed("u1", Change::Seen, Target::UpTo(6)),
    ];
    setting.log.append(&records).await.unwrap();
    let (shutdown, running) = start(&setting);
    projected_until(&setting.store, 9).await;
    let page = inbox(&setting.store, "u1").await.value;
    let lines: Vec<_> = page
        .rows
        .iter()
        .map(|row| (row.sequence, row.state.seen_at, row.state.read_at, row.silenced))
        .collect();
    let then = Some(now());
    assert_eq!(
        lines,
        [
            (8, None, None, None),
            (6, then, None, Some(Silence::TypeOff)),
            (2, then, None, None),
            (1, then, then, None),
        ]
    );
    assert_eq!((page.counts.unread, page.counts.unseen), (3, 1));
    shutdown.cancel();
    running.await.unwrap().unwrap();
}

/// An event in this person's subject, with this as its data.
fn written_by_hand(recipient: Recipient, event_type: &str, data: &str) -> Record {
    let id = Uuid::new_v4();
    let payload = format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/by-hand","type":"{event_type}","time":"2026-11-21T09:00:00Z","data":{data}}}"#
    );
    Record {
        recipient,
        id,
        payload: payload.into(),
    }
}

#[tokio::test]
async fn what_cannot_be_a_persons_doing_is_set_aside_and_the_rest_counts() {
    const STATE: &str = "lastcall.notification.state.changed.v1";
    const WANTED: &str = "lastcall.preferences.changed.v1";
    let setting = setting().await;
    let told = of_u1(1);
    let ids = format!(r#""notificationIds":["{}"]"#, told.id);
    let many = vec![format!("\"{}\"", told.id); 201].join(",");
    let quiet = |hours: &str| format!(r#"{{"userId":"u1","preferences":{{"quietHours":{hours}}}}}"#);
    let read = |rest: &str| format!(r#"{{"userId":"u1","change":"STATE_CHANGE_READ",{rest}}}"#);
    let mine = || Recipient::User(user("u1"));
    let refused = [
        (mine(), STATE, read(&format!(r#"{ids},"upTo":"1""#))),
        (mine(), STATE, read(r#""notificationIds":[]"#)),
        (mine(), STATE, read(r#""notificationIds":["x"]"#)),
        (mine(), STATE, read(&format!(r#""notificationIds":[{many}]"#))),
        // Beyond its own place, wherever that is.
        (mine(), STATE, read(r#""upTo":"1000""#)),
        (
            mine(),
            STATE,
            r#"{"userId":"u1","change":"STATE_CHANGE_UNREAD","upTo":"1"}"#.to_owned(),
        ),
        (mine(), STATE, format!(r#"{{"userId":"u1",{ids}}}"#)),
        (Recipient::User(user("u2")), STATE, read(&ids)),
        (Recipient::Everybody, STATE, read(&ids)),
        (mine(), WANTED, r#"{"userId":"u1"}"#.to_owned()),
        (
            mine(),
            WANTED,
            quiet(r#"{"from":"22:00","to":"22:00","timeZone":"UTC"}"#),
        ),
        (
            mine(),
            WANTED,
            quiet(r#"{"from":"22:00","to":"24:00","timeZone":"UTC"}"#),
        ),
        (
            mine(),
            WANTED,
            quiet(r#"{"from":"22:00","to":"07:00","timeZone":"Asia/Atlantis"}"#),
        ),
        (
            Recipient::Everybody,
            WANTED,
            r#"{"userId":"u1","preferences":{}}"#.to_owned(),
        ),
        (
            Recipient::User(user("u2")),
            WANTED,
            r#"{"userId":"u1","preferences":{}}"#.to_owned(),
        ),
    ];
    let number = refused.len() as u64;
    let mut records = vec![told.clone()];
    records.extend(
        refused
            .into_iter()
            .map(|(recipient, event_type, data)| written_by_hand(recipient, event_type, &data)),
    );
    records.push(changed("u1", Change::Archived, Target::UpTo(1)));
    setting.log.append(&records).await.unwrap();
    let (shutdown, running) = start(&setting);
    projected_until(&setting.store, number + 2).await;
    assert_eq!(setting.store.set_aside_count().await.unwrap(), number);
    let page = inbox(&setting.store, "u1").await.value;
    let state = page.rows[0].state;
    assert_eq!((state.read_at, state.archived_at), (None, Some(now())));
    assert_eq!(setting.store.preferences(&user("u1")).await.unwrap().value, None);
    shutdown.cancel();
    running.await.unwrap().unwrap();
}

/// What seven people are told, do and want, without chance and with some of everything.
fn busy_log() -> Vec<Record> {
    let told: Vec<Record> = (0..700).map(coupon).collect();
    let mut records = Vec::new();
    for (n, line) in told.iter().enumerate() {
        records.push(line.clone());
        let of = format!("u{}", n % 7);
        let earlier = |back: usize| Target::Named(vec![told[n.saturating_sub(7 * back)].id]);
        match n % 11 {
            1 => records.push(changed(&of, Change::Read, earlier(1))),
            3 => records.push(changed(&of, Change::Archived, earlier(3))),
            4 => records.push(changed(&of, Change::Unread, earlier(2))),
            5 => records.push(changed(&of, Change::Seen, Target::UpTo(n as u64))),
            6 => records.push(wanted(&of, without_coupons())),
            8 => records.push(wanted(&of, Preferences::default())),
            9 => records.push(changed(&of, Change::Unarchived, earlier(4))),
            _ => {}
        }
        if n % 97 == 0 {
            records.push(changed(&of, Change::Read, Target::UpTo(n as u64)));
        }
    }
    records
}

/// The inboxes that the log makes when all of it is one batch.
async fn at_once(setting: &Setting, records: &[Record]) -> Vec<InboxPage> {
    let other = crate::setting().await;
    let mut follow = setting.log.follow(0);
    let mut batch = ProjectedBatch::default();
    let mut last = 0;
    while last < records.len() as u64 {
        let most = std::num::NonZeroUsize::new(10_000).unwrap();
        for message in follow.next_batch(most).await.unwrap() {
            last = message.sequence;
            batch.entries.push(store::projection::Logged {
                sequence: message.sequence,
                stored_at: message.stored_at,
                recipient: message.recipient().unwrap(),
                entry: Entry::from_stored(&message.payload).unwrap(),
            });
        }
    }
    let new = store::projection::Position {
        epoch: setting.log.epoch().clone(),
        sequence: last,
    };
    other
        .store
        .project(NOTIFICATIONS, None, &new, &batch)
        .await
        .unwrap();
    inboxes(&other.store).await
}

async fn inboxes(store: &Store) -> Vec<InboxPage> {
    let mut inboxes = Vec::new();
    for of in 0..7 {
        inboxes.push(inbox(store, &format!("u{of}")).await.value);
    }
    inboxes
}

#[tokio::test(flavor = "multi_thread")]
async fn two_projectors_that_die_at_any_time_end_where_one_batch_does() {
    let setting = setting().await;
    let records = busy_log();
    let expected = {
        setting.log.append(&records).await.unwrap();
        at_once(&setting, &records).await
    };
    let end = records.len() as u64;
    let mut deaths = 0;
    while setting
        .store
        .projection_position(NOTIFICATIONS)
        .await
        .unwrap()
        .is_none_or(|p| p.sequence < end)
    {
        let (_, first) = start(&setting);
        let (_, second) = start(&setting);
        // Each time a little later, so that they die everywhere in what they do.
        tokio::time::sleep(Duration::from_millis(3 * deaths)).await;
        first.abort();
        second.abort();
        _ = first.await;
        _ = second.await;
        deaths += 1;
    }
    assert!(deaths > 1, "they died while there was more to do");
    assert_eq!(inboxes(&setting.store).await, expected);
}
