use domain::entry::{Entry, Told};
use domain::notification::Notification;
use futures::future::join_all;
use proto_schemas::{Epoch, Recipient};
use store::counting::Table;
use store::inbox::Filter;
use store::projection::{Logged, NOTIFICATIONS, Position, Projected, ProjectedBatch, SetAside};
use uuid::Uuid;

use crate::engines::{Database, on_both_engines, user, utc};

on_both_engines!(
    rows_and_position_move_together,
    of_two_projectors_one_advances,
    of_many_that_begin_at_once_one_advances,
    an_event_that_is_there_already_stays_as_it_is,
    a_sequence_with_another_event_is_refused_and_nothing_written,
    what_cannot_be_read_is_set_aside_once,
    a_large_batch_is_written_at_once,
);

pub(crate) fn at(sequence: u64) -> Position {
    Position {
        epoch: Epoch::new("k3v9x2ma").unwrap(),
        sequence,
    }
}

pub(crate) fn notification(title: &str) -> Notification {
    Notification {
        event_id: Uuid::new_v4(),
        event_type: "lastcall.coupon.expiring.v1".to_owned(),
        subject: "coupon/c1".to_owned(),
        title: title.to_owned(),
        body: "말하자면 \"it's\" 🎉\n\\".to_owned(),
        locale: "ko".to_owned(),
        occurred_at: utc("2026-11-21T09:00:00.123456Z"),
        expires_at: Some(utc("2026-11-22T14:59:59Z")),
    }
}

/// As the log holds it for one person, or for everybody.
pub(crate) fn told(recipient: Recipient, sequence: u64, notification: &Notification) -> Logged {
    Logged {
        sequence,
        stored_at: notification.occurred_at,
        recipient,
        entry: Entry::Told(Told {
            notification: notification.clone(),
            funding_id: None,
            translations: Vec::new(),
            link: None,
        }),
    }
}

pub(crate) fn to(id: &str) -> Recipient {
    Recipient::User(user(id))
}

pub(crate) fn batch(entries: impl IntoIterator<Item = Logged>) -> ProjectedBatch {
    ProjectedBatch {
        entries: entries.into_iter().collect(),
        ..ProjectedBatch::default()
    }
}

pub(crate) fn for_ann(rows: &[(u64, &Notification)]) -> ProjectedBatch {
    batch(rows.iter().map(|(sequence, row)| told(to("ann"), *sequence, row)))
}

async fn rows_and_position_move_together(Database { store, .. }: Database) {
    assert_eq!(store.projection_position(NOTIFICATIONS).await.unwrap(), None);
    let batch = for_ann(&[(1, &notification("one")), (2, &notification("two"))]);
    let projected = store.project(NOTIFICATIONS, None, &at(2), &batch).await.unwrap();
    assert_eq!(projected, Projected::Advanced);
    assert_eq!(
        store.projection_position(NOTIFICATIONS).await.unwrap(),
        Some(at(2))
    );
    assert_eq!(store.count(Table::Notifications).await.unwrap(), 2);
    let empty = ProjectedBatch::default();
    let projected = store
        .project(NOTIFICATIONS, Some(&at(2)), &at(9), &empty)
        .await
        .unwrap();
    assert_eq!(projected, Projected::Advanced);
    assert_eq!(
        store.projection_position(NOTIFICATIONS).await.unwrap(),
        Some(at(9))
    );
    assert_eq!(store.projection_position("another").await.unwrap(), None);
}

async fn of_two_projectors_one_advances(database: Database) {
    let (first, second) = (database.another().await, database.another().await);
    let empty = ProjectedBatch::default();
    first.project(NOTIFICATIONS, None, &at(5), &empty).await.unwrap();
    let from_five = for_ann(&[(6, &notification("six"))]);
    let won = first
        .project(NOTIFICATIONS, Some(&at(5)), &at(6), &from_five)
        .await
        .unwrap();
    let lost = second
        .project(
            NOTIFICATIONS,
            Some(&at(5)),
            &at(7),
            &for_ann(&[(7, &notification("seven"))]),
        )
        .await;
    assert_eq!((won, lost.unwrap()), (Projected::Advanced, Projected::Lost));
    assert_eq!(
        second.project(NOTIFICATIONS, None, &at(1), &empty).await.unwrap(),
        Projected::Lost
    );
    let other_log = Position {
        epoch: Epoch::new("other").unwrap(),
        sequence: 6,
    };
    assert_eq!(
        second
            .project(NOTIFICATIONS, Some(&other_log), &at(7), &empty)
            .await
            .unwrap(),
        Projected::Lost
    );
    assert_eq!(
        second.projection_position(NOTIFICATIONS).await.unwrap(),
        Some(at(6))
    );
    assert_eq!(second.count(Table::Notifications).await.unwrap(), 1);
}

async fn of_many_that_begin_at_once_one_advances(database: Database) {
    let stores = [database.another().await, database.another().await];
    for step in 0..5 {
        let expected = (step > 0).then(|| at(step));
        let batch = for_ann(&[(step + 1, &notification("x"))]);
        let (new, expected, batch) = (at(step + 1), expected.as_ref(), &batch);
        let tries = stores
            .iter()
            .cycle()
            .take(6)
            .map(|store| store.project(NOTIFICATIONS, expected, &new, batch));
        let results = join_all(tries).await;
        let advanced = results
            .into_iter()
            .filter(|r| *r.as_ref().unwrap() == Projected::Advanced)
            .count();
        assert_eq!(advanced, 1);
    }
    assert_eq!(database.store.count(Table::Notifications).await.unwrap(), 5);
}

async fn an_event_that_is_there_already_stays_as_it_is(Database { store, .. }: Database) {
    let event = notification("first words");
    let repeat = Notification {
        title: "other words".to_owned(),
        ..event.clone()
    };
    store
        .project(NOTIFICATIONS, None, &at(1), &for_ann(&[(1, &event)]))
        .await
        .unwrap();
    let batch = for_ann(&[(2, &repeat), (3, &notification("new")), (4, &repeat)]);
    store
        .project(NOTIFICATIONS, Some(&at(1)), &at(4), &batch)
        .await
        .unwrap();
    let read = store
        .list_notifications(&user("ann"), &Filter::default(), None, 10)
        .await
        .unwrap();
    let titles: Vec<_> = read
        .value
        .rows
        .iter()
        .map(|r| (r.sequence, r.notification.title.as_str()))
        .collect();
    assert_eq!(titles, [(3, "new"), (1, "first words")]);
    let known = store
        .known_event_ids(&[event.event_id, Uuid::new_v4()])
        .await
        .unwrap();
    assert_eq!(known.into_iter().collect::<Vec<_>>(), [event.event_id]);
}

async fn a_sequence_with_another_event_is_refused_and_nothing_written(Database { store, .. }: Database) {
    store
        .project(
            NOTIFICATIONS,
            None,
            &at(1),
            &for_ann(&[(1, &notification("old log"))]),
        )
        .await
        .unwrap();
    let batch = for_ann(&[(2, &notification("fine")), (1, &notification("new log"))]);
    let refused = store.project(NOTIFICATIONS, Some(&at(1)), &at(2), &batch).await;
    assert!(refused.unwrap_err().refuses_rows());
    assert_eq!(
        store.projection_position(NOTIFICATIONS).await.unwrap(),
        Some(at(1))
    );
    assert_eq!(store.count(Table::Notifications).await.unwrap(), 1);
}

async fn what_cannot_be_read_is_set_aside_once(Database { store, .. }: Database) {
    let payload: Vec<u8> = (0..=255).collect();
    let message = |sequence| SetAside {
        sequence,
        subject: "evt.user.ann".to_owned(),
        payload: payload.clone(),
        reason: "no JSON".to_owned(),
    };
    let batch = ProjectedBatch {
        set_aside: vec![message(1), message(2)],
        ..ProjectedBatch::default()
    };
    store.project(NOTIFICATIONS, None, &at(2), &batch).await.unwrap();
    let again = ProjectedBatch {
        set_aside: vec![message(2), message(3)],
        ..ProjectedBatch::default()
    };
    store
        .project(NOTIFICATIONS, Some(&at(2)), &at(3), &again)
        .await
        .unwrap();
    assert_eq!(store.set_aside_count().await.unwrap(), 3);
}

async fn a_large_batch_is_written_at_once(Database { store, .. }: Database) {
    let rows: Vec<_> = (1..=4321).map(|n| (n, notification("x"))).collect();
    let ids: Vec<Uuid> = rows.iter().map(|(_, row)| row.event_id).collect();
    let batch = batch(
        rows.iter()
            .map(|(n, row)| told(to(&format!("u{}", n % 7)), *n, row)),
    );
    store
        .project(NOTIFICATIONS, None, &at(4321), &batch)
        .await
        .unwrap();
    assert_eq!(store.count(Table::Notifications).await.unwrap(), 4321);
    assert_eq!(store.known_event_ids(&ids).await.unwrap().len(), 4321);
}
