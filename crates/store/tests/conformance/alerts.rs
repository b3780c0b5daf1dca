use std::pin::pin;
use std::time::Duration;

use chrono::{NaiveDate, TimeDelta, Utc};
use domain::catalogue::Alert;
use domain::due::DueWindow;
use domain::notice::DueAlert;
use domain::reminder::{TimeOfDay, Weekdays, minutes_due};
use migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, TransactionTrait};
use store::Store;
use store::alerts::{AlertRecord, AlertSetting, Put};
use store::counting::Table;
use tokio::time::timeout;

use crate::catalogue::person;
use crate::due::alert;
use crate::engines::{Database, on_both_engines, user, utc};

on_both_engines!(
    an_alert_is_effective_from_when_it_was_set_or_moved_and_no_other_change_counts,
    an_alert_goes_by_its_own_clock_else_its_owners_else_utc,
    an_alert_and_its_owners_zone_written_at_once_agree,
    nobody_reaches_anothers_alert_and_an_id_is_its_owners,
    a_person_has_no_more_alerts_than_they_may_however_many_they_ask_for_at_once,
    what_the_site_hands_over_counts_as_set_since_ever_until_it_moves,
    what_the_site_does_not_say_of_an_alert_stays_as_it_is,
    a_check_waits_for_alerts_that_are_being_set,
    an_alert_that_had_to_wait_is_effective_from_when_it_went_on,
    an_alert_in_a_zone_that_does_not_exist_is_read_by_that_name,
    alerts_of_a_version_before_are_kept_there_and_back,
);

fn setting(at: &str) -> AlertSetting {
    AlertSetting {
        title: "Stretch".to_owned(),
        content: Some("/lists/7".to_owned()),
        at: at.parse().unwrap(),
        weekdays: Weekdays::DAILY,
        time_zone: None,
    }
}

fn in_zone(at: &str, zone: &str) -> AlertSetting {
    AlertSetting {
        time_zone: Some(zone.to_owned()),
        ..setting(at)
    }
}

async fn put(store: &Store, owner: &str, id: &str, setting: &AlertSetting) -> AlertRecord {
    match store.put_alert(&user(owner), id, setting, 100).await.unwrap() {
        Put::Created(alert) | Put::Replaced(alert) => alert,
        Put::Full => panic!("{owner} has too many alerts"),
    }
}

async fn stored(store: &Store, owner: &str, id: &str) -> AlertRecord {
    store.find_alert(&user(owner), id).await.unwrap().unwrap()
}

async fn an_alert_is_effective_from_when_it_was_set_or_moved_and_no_other_change_counts(
    Database { store, .. }: Database,
) {
    let before = Utc::now() - TimeDelta::seconds(1);
    let set = put(&store, "ann", "a1", &setting("09:00")).await;
    let since = set.effective_from.unwrap();
    assert!(before < since && since <= Utc::now() + TimeDelta::seconds(1));
    assert_eq!(set.created_at, Some(since));
    assert_eq!(stored(&store, "ann", "a1").await, set);

    // Said again, and said otherwise in ways that move nothing.
    assert_eq!(put(&store, "ann", "a1", &setting("09:00")).await, set);
    let retitled = AlertSetting {
        title: "Bend".to_owned(),
        content: None,
        ..setting("09:00")
    };
    let retitled = put(&store, "ann", "a1", &retitled).await;
    assert_eq!(
        (retitled.setting.title.as_str(), retitled.effective_from),
        ("Bend", Some(since))
    );
    // The clock it went by anyway.
    assert_eq!(
        put(&store, "ann", "a1", &in_zone("09:00", "UTC"))
            .await
            .effective_from,
        Some(since)
    );

    type Move = fn(&mut AlertSetting);
    let moves: [Move; 3] = [
        |setting| setting.at = "09:01".parse().unwrap(),
        |setting| setting.weekdays = "mon".parse().unwrap(),
        |setting| setting.time_zone = Some("Asia/Seoul".to_owned()),
    ];
    let mut last = since;
    for change in moves {
        let moved = store
            .change_alert(&user("ann"), "a1", change)
            .await
            .unwrap()
            .unwrap();
        assert!(moved.effective_from.unwrap() > last);
        assert_eq!(moved.created_at, Some(since));
        assert_eq!(stored(&store, "ann", "a1").await, moved);
        last = moved.effective_from.unwrap();
    }
}

async fn an_alert_goes_by_its_own_clock_else_its_owners_else_utc(database: Database) {
    let store = &database.store;
    let zone = async |id: &str| stored(store, "ann", id).await.zone;
    put(store, "ann", "follows", &setting("09:00")).await;
    put(store, "ann", "own", &in_zone("09:00", "Africa/Lagos")).await;
    store
        .upsert_alerts(&[alert("site", "ann", "09:00", None)])
        .await
        .unwrap();
    assert_eq!(zone("follows").await, "UTC");

    for (told, goes_by) in [
        (Some("Asia/Seoul"), "Asia/Seoul"),
        (Some("America/New_York"), "America/New_York"),
        // What an import does not say stays as it is.
        (None, "America/New_York"),
    ] {
        store
            .upsert_users(&[person("ann", None, told), person("bob", None, None)])
            .await
            .unwrap();
        for id in ["follows", "site"] {
            assert_eq!(zone(id).await, goes_by, "{id}");
        }
        assert_eq!(zone("own").await, "Africa/Lagos");
    }
    assert_eq!(
        store.time_zones_in_use().await.unwrap(),
        ["Africa/Lagos", "America/New_York"]
    );

    store
        .change_alert(&user("ann"), "own", |setting| setting.time_zone = None)
        .await
        .unwrap();
    assert_eq!(zone("own").await, "America/New_York");
    // Set by somebody who is known by then, and handed over to somebody else.
    put(store, "ann", "late", &setting("09:00")).await;
    assert_eq!(zone("late").await, "America/New_York");
    store
        .upsert_alerts(&[alert("site", "bob", "09:00", None)])
        .await
        .unwrap();
    assert_eq!(stored(store, "bob", "site").await.zone, "UTC");

    // Written by whatever there is.
    let elsewhere = "UPDATE users SET time_zone = 'Mars/Phobos' WHERE id = 'ann'";
    database
        .foreign()
        .await
        .execute_unprepared(elsewhere)
        .await
        .unwrap();
    for id in ["follows", "own", "late"] {
        assert_eq!(zone(id).await, "Mars/Phobos", "{id}");
    }
}

async fn an_alert_and_its_owners_zone_written_at_once_agree(Database { store, .. }: Database) {
    let owners: Vec<String> = (0..40).map(|n| format!("u{n}")).collect();
    let writes = owners.iter().map(|owner| {
        let (setting, users) = (setting("09:00"), [person(owner, None, Some("Asia/Seoul"))]);
        let store = &store;
        async move {
            let (_, written) = tokio::join!(put(store, owner, "a1", &setting), store.upsert_users(&users));
            written.unwrap();
        }
    });
    futures::future::join_all(writes).await;
    assert_eq!(store.time_zones_in_use().await.unwrap(), ["Asia/Seoul"]);
}

async fn nobody_reaches_anothers_alert_and_an_id_is_its_owners(Database { store, .. }: Database) {
    let (ann, bob) = (user("ann"), user("bob"));
    let anns = put(&store, "ann", "a1", &setting("09:00")).await;
    assert_eq!(store.find_alert(&bob, "a1").await.unwrap(), None);
    assert_eq!(
        store
            .change_alert(&bob, "a1", |_| panic!("reached"))
            .await
            .unwrap(),
        None
    );
    assert!(!store.delete_alert(&bob, "a1").await.unwrap());
    assert!(store.list_alerts(&bob, None, 10).await.unwrap().is_empty());

    // The same id, and still another alert.
    let bobs = put(&store, "bob", "a1", &setting("10:00")).await;
    assert_eq!(store.list_alerts(&bob, None, 10).await.unwrap(), [bobs]);
    assert_eq!(store.list_alerts(&ann, None, 10).await.unwrap(), [anns]);
    assert!(store.delete_alert(&bob, "a1").await.unwrap() && !store.delete_alert(&bob, "a1").await.unwrap());
    assert_eq!(store.count(Table::Alerts).await.unwrap(), 1);

    for id in ["c", "b", "A"] {
        put(&store, "ann", id, &setting("09:00")).await;
    }
    let ids = async |after, limit| -> Vec<String> {
        let page = store.list_alerts(&ann, after, limit).await.unwrap();
        page.into_iter().map(|alert| alert.id).collect()
    };
    assert_eq!(ids(None, 3).await, ["A", "a1", "b"]);
    assert_eq!(ids(Some("b"), 3).await, ["c"]);
}

async fn a_person_has_no_more_alerts_than_they_may_however_many_they_ask_for_at_once(
    Database { store, .. }: Database,
) {
    let (ann, setting) = (user("ann"), setting("09:00"));
    let ids: Vec<String> = (0..20).map(|n| format!("a{n}")).collect();
    let puts = ids.iter().map(|id| store.put_alert(&ann, id, &setting, 5));
    let outcomes: Vec<Put> = futures::future::try_join_all(puts).await.unwrap();
    let created = outcomes
        .iter()
        .filter(|put| matches!(put, Put::Created(_)))
        .count();
    assert_eq!(
        (created, store.list_alerts(&ann, None, 100).await.unwrap().len()),
        (5, 5)
    );
    // What is there may change all the same.
    let there = &store.list_alerts(&ann, None, 1).await.unwrap()[0].id;
    assert!(matches!(
        store.put_alert(&ann, there, &setting, 5).await.unwrap(),
        Put::Replaced(_)
    ));
}

async fn what_the_site_hands_over_counts_as_set_since_ever_until_it_moves(Database { store, .. }: Database) {
    let effective_from = async || stored(&store, "ann", "a1").await.effective_from;
    let hand_over = async |at: &str, days: Option<&str>, zone: Option<&str>| {
        let row = Alert {
            time_zone: zone.map(|name| name.parse().unwrap()),
            ..alert("a1", "ann", at, days)
        };
        store.upsert_alerts(&[row]).await.unwrap();
    };
    hand_over("09:00", Some("mon,tue"), None).await;
    hand_over("09:00", Some("mon,tue"), None).await;
    hand_over("09:00", None, None).await;
    assert_eq!(effective_from().await, None);

    let mut last = utc("2000-01-01T00:00:00Z");
    for (at, days, zone) in [
        ("10:00", None, None),
        ("10:00", Some("mon"), None),
        ("10:00", None, Some("Asia/Seoul")),
    ] {
        hand_over(at, days, zone).await;
        let moved = effective_from().await.unwrap();
        assert!(moved > last, "{at} {days:?} {zone:?}");
        hand_over(at, days, zone).await;
        assert_eq!(effective_from().await, Some(moved), "{at} {days:?} {zone:?}");
        last = moved;
    }
}

async fn what_the_site_does_not_say_of_an_alert_stays_as_it_is(Database { store, .. }: Database) {
    let said = Alert {
        content: Some("/lists/7".to_owned()),
        time_zone: Some("Asia/Seoul".parse().unwrap()),
        ..alert("a1", "ann", "09:00", Some("mon"))
    };
    store
        .upsert_alerts(&[said, alert("a1", "ann", "09:00", None)])
        .await
        .unwrap();
    store
        .upsert_alerts(&[alert("a1", "ann", "09:00", None)])
        .await
        .unwrap();
    let AlertRecord { setting, zone, .. } = stored(&store, "ann", "a1").await;
    assert_eq!(
        (setting.content.as_deref(), zone.as_str()),
        (Some("/lists/7"), "Asia/Seoul")
    );
    assert_eq!(setting.weekdays, "mon".parse().unwrap());

    // One that its owner set is theirs.
    let own = put(&store, "ann", "mine", &in_zone("09:00", "UTC")).await;
    let refused = store
        .upsert_alerts(&[alert("mine", "ann", "10:00", None)])
        .await
        .unwrap_err();
    assert!(refused.refuses_rows(), "{refused:?}");
    store
        .upsert_alerts(&[alert("mine", "bob", "10:00", None)])
        .await
        .unwrap();
    assert_eq!(stored(&store, "ann", "mine").await, own);
}

/// Whatever still waits after this long waits for what the test holds.
const HELD: Duration = Duration::from_millis(200);

async fn a_check_waits_for_alerts_that_are_being_set(database: Database) {
    let (store, foreign) = (&database.store, database.foreign().await);
    let setting = foreign.begin().await.unwrap();
    let insert = "INSERT INTO alerts (user_id, id, title, at_minute) VALUES ('ann', 'a1', 'Look', 540)";
    setting.execute_unprepared(insert).await.unwrap();

    let mut check = pin!(store.wait_for_alerts());
    assert!(timeout(HELD, &mut check).await.is_err(), "the check did not wait");
    setting.commit().await.unwrap();
    check.await.unwrap();
    assert_eq!(stored(store, "ann", "a1").await.zone, "UTC");
}

async fn an_alert_that_had_to_wait_is_effective_from_when_it_went_on(database: Database) {
    let (owner, setting, foreign) = (user("ann"), setting("09:00"), database.foreign().await);
    let holding = foreign.begin().await.unwrap();
    let insert = "INSERT INTO users (id, time_zone) VALUES ('ann', 'Asia/Seoul')";
    holding.execute_unprepared(insert).await.unwrap();

    let mut put = pin!(database.store.put_alert(&owner, "a1", &setting, 1));
    assert!(timeout(HELD, &mut put).await.is_err(), "it did not wait");
    let released = Utc::now() - TimeDelta::microseconds(1);
    holding.commit().await.unwrap();
    let Put::Created(alert) = put.await.unwrap() else {
        panic!("it was not created")
    };
    assert!(alert.effective_from.unwrap() >= released);
    assert_eq!(alert.zone, "Asia/Seoul");
}

async fn an_alert_in_a_zone_that_does_not_exist_is_read_by_that_name(Database { store, .. }: Database) {
    put(&store, "ann", "a1", &in_zone("09:00", "Mars/Phobos")).await;
    assert_eq!(store.time_zones_in_use().await.unwrap(), ["Mars/Phobos"]);
    let window = DueWindow {
        after: utc("2026-11-21T08:55:00Z"),
        until: utc("2026-11-21T09:05:00Z"),
    };
    let due = store
        .alerts_due("Mars/Phobos", &minutes_due(&window, chrono_tz::UTC), None, 10)
        .await
        .unwrap();
    let DueAlert {
        alert_id,
        at,
        local_date,
        content,
        owner,
        ..
    } = &due[0];
    assert_eq!(
        (alert_id.as_str(), *at),
        ("a1", "09:00".parse::<TimeOfDay>().unwrap())
    );
    assert_eq!(*local_date, NaiveDate::from_ymd_opt(2026, 11, 21).unwrap());
    assert_eq!(content.as_deref(), Some("/lists/7"));
    let bad = due[0].notice().unwrap_err();
    assert_eq!(bad.row, format!("alert a1 of {}", owner.user_id));
    assert!(bad.reason.contains("Mars/Phobos"), "{}", bad.reason);
}

async fn alerts_of_a_version_before_are_kept_there_and_back(database: Database) {
    let (store, foreign) = (&database.store, database.foreign().await);
    let names: Vec<String> = Migrator::migrations()
        .iter()
        .map(|m| m.name().to_owned())
        .collect();
    let first = names
        .iter()
        .position(|name| name.ends_with("_alerts_of_people"))
        .unwrap();
    let later = u32::try_from(names.len() - first).unwrap();
    put(store, "ann", "own", &setting("09:00")).await;
    Migrator::down(&foreign, Some(later)).await.unwrap();

    let before = "INSERT INTO alerts (id, user_id, title, at_minute, weekdays) VALUES ('a1', 'ann', 'Look', 570, 3), \
                  ('a2', 'bob', 'Look', 0, 127)";
    foreign.execute_unprepared(before).await.unwrap();
    store
        .upsert_users(&[person("ann", None, Some("Asia/Seoul"))])
        .await
        .unwrap();
    store.migrate().await.unwrap();
    let ann = stored(store, "ann", "a1").await;
    assert_eq!(
        (ann.zone.as_str(), ann.effective_from, ann.created_at),
        ("Asia/Seoul", None, None)
    );
    assert_eq!((ann.setting.at.minute(), ann.setting.weekdays.bits()), (570, 3));
    assert_eq!(stored(store, "bob", "a2").await.zone, "UTC");
    // What people set themselves has no place in the table as it was.
    assert_eq!(store.count(Table::Alerts).await.unwrap(), 2);
}
