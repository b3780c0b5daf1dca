use domain::entry::Entry;
use domain::inbox::{Change, StateChanged, Target};
use domain::notification::Notification;
use domain::preferences::{Preferences, Silence};
use proto_schemas::Recipient;
use proto_schemas::events::v1::Words;
use sea_orm::ConnectionTrait as _;
use store::inbox::{Audience, Counts, Filter, InboxRow, StateFilter};
use store::projection::{Logged, NOTIFICATIONS};
use store::{Store, StoreError};
use uuid::Uuid;

use crate::engines::{Database, on_both_engines, user, utc};
use crate::projection::{at, batch, notification, to, told};

on_both_engines!(
    a_page_holds_what_is_asked_for_and_the_counts_of_everything,
    filtered_pages_are_complete_and_stay_so_while_new_lines_come,
    types_and_ages_are_asked_of_announcements_too,
    an_announcement_says_all_its_words_and_where_it_leads,
    states_are_told_of_what_is_in_the_inbox_only,
    preferences_that_cannot_be_read_silence_nothing,
    the_zone_of_a_person_is_the_catalogues,
);

/// What Ann does with some notifications, as the log holds it.
pub(crate) fn by_ann(sequence: u64, change: Change, target: Target) -> Logged {
    Logged {
        sequence,
        stored_at: utc("2026-11-21T10:00:00Z"),
        recipient: to("ann"),
        entry: Entry::StateChanged(StateChanged {
            user: user("ann"),
            change,
            target,
            at: utc("2026-11-21T10:00:00Z"),
        }),
    }
}

async fn rows(store: &Store, filter: &Filter) -> Vec<InboxRow> {
    let page = store.list_notifications(&user("ann"), filter, None, 100).await;
    page.unwrap().value.rows
}

async fn sequences(store: &Store, filter: &Filter) -> Vec<u64> {
    rows(store, filter).await.iter().map(|row| row.sequence).collect()
}

fn in_state(state: StateFilter) -> Filter {
    Filter {
        state,
        ..Filter::default()
    }
}

/// Ann has 1 to 4 of her own, and everybody 5 to 8. She has seen 2 and 6, read 3 and 7, and put 4 and 8 away unread.
async fn fill(store: &Store) -> Vec<Uuid> {
    let said: Vec<Notification> = (1..=8).map(|n| notification(&format!("{n}"))).collect();
    let ids: Vec<Uuid> = said.iter().map(|row| row.event_id).collect();
    let recipient = |n| if n <= 4 { to("ann") } else { Recipient::Everybody };
    let lines = (1..).zip(&said).map(|(n, row)| told(recipient(n), n, row));
    let named = |n: usize| Target::Named(vec![ids[n - 1], ids[n + 3]]);
    let changes = [
        by_ann(9, Change::Seen, named(2)),
        by_ann(10, Change::Read, named(3)),
        by_ann(11, Change::Archived, named(4)),
    ];
    let batch = batch(lines.chain(changes));
    store.project(NOTIFICATIONS, None, &at(11), &batch).await.unwrap();
    ids
}

async fn a_page_holds_what_is_asked_for_and_the_counts_of_everything(Database { store, .. }: Database) {
    fill(&store).await;
    let counts = Counts { unread: 4, unseen: 2 };
    for (state, expected) in [
        (StateFilter::Inbox, &[7, 6, 5, 3, 2, 1][..]),
        (StateFilter::Unread, &[6, 5, 2, 1]),
        (StateFilter::Unseen, &[5, 1]),
        (StateFilter::Read, &[7, 3]),
        (StateFilter::Archived, &[8, 4]),
        (StateFilter::All, &[8, 7, 6, 5, 4, 3, 2, 1]),
    ] {
        let page = store
            .list_notifications(&user("ann"), &in_state(state), None, 100)
            .await;
        let page = page.unwrap();
        let found: Vec<_> = page.value.rows.iter().map(|row| row.sequence).collect();
        assert_eq!((&found[..], page.value.counts), (expected, counts), "{state:?}");
        assert_eq!(page.position, Some(at(11)));
    }
    let bob = store
        .list_notifications(&user("bob"), &Filter::default(), None, 100)
        .await;
    let bob = bob.unwrap().value;
    assert_eq!((bob.rows.len(), bob.counts.unread, bob.counts.unseen), (4, 4, 4));
}

async fn filtered_pages_are_complete_and_stay_so_while_new_lines_come(Database { store, .. }: Database) {
    fill(&store).await;
    let mut before = None;
    let mut read = Vec::new();
    for new in 12.. {
        let page = store
            .list_notifications(&user("ann"), &Filter::default(), before, 1)
            .await;
        let Some(row) = page.unwrap().value.rows.pop() else {
            break;
        };
        before = Some(row.sequence);
        read.push(row.sequence);
        let line = batch([told(to("ann"), new, &notification("new"))]);
        store
            .project(NOTIFICATIONS, Some(&at(new - 1)), &at(new), &line)
            .await
            .unwrap();
    }
    assert_eq!(read, [7, 6, 5, 3, 2, 1]);
}

async fn types_and_ages_are_asked_of_announcements_too(Database { store, .. }: Database) {
    let of = |event_type: &str, occurred_at: &str| Notification {
        event_type: event_type.to_owned(),
        occurred_at: utc(occurred_at),
        ..notification("x")
    };
    let (old, new) = ("2026-11-20T09:00:00Z", "2026-11-21T09:00:00.000001Z");
    let lines = [
        told(to("ann"), 1, &of("a", old)),
        told(to("ann"), 2, &of("b", new)),
        told(Recipient::Everybody, 3, &of("a", new)),
        told(Recipient::Everybody, 4, &of("c", old)),
    ];
    store
        .project(NOTIFICATIONS, None, &at(4), &batch(lines))
        .await
        .unwrap();
    let asked = |types: &[&str], since: Option<&str>| Filter {
        event_types: types.iter().map(|name| (*name).to_owned()).collect(),
        since: since.map(utc),
        ..Filter::default()
    };
    assert_eq!(sequences(&store, &asked(&["a"], None)).await, [3, 1]);
    assert_eq!(sequences(&store, &asked(&["b", "c"], None)).await, [4, 2]);
    assert_eq!(sequences(&store, &asked(&[], Some(new))).await, [3, 2]);
    assert_eq!(sequences(&store, &asked(&["a"], Some(new))).await, [3]);
    assert_eq!(sequences(&store, &asked(&["d"], None)).await, [0_u64; 0]);
}

async fn an_announcement_says_all_its_words_and_where_it_leads(Database { store, .. }: Database) {
    let words = |locale: &str, title: &str| Words {
        locale: locale.to_owned(),
        title: title.to_owned(),
        body: "“\\\u{0}”".to_owned(),
    };
    let translations = vec![words("en", "Maintenance"), words("ko", "점검")];
    let mut line = told(Recipient::Everybody, 1, &notification("Maintenance"));
    if let Entry::Told(told) = &mut line.entry {
        told.translations.clone_from(&translations);
        told.link = Some("/news/1".to_owned());
    }
    store
        .project(NOTIFICATIONS, None, &at(1), &batch([line]))
        .await
        .unwrap();
    let row = rows(&store, &Filter::default()).await.remove(0);
    assert_eq!(row.audience, Audience::Everybody);
    assert_eq!(
        (row.translations, row.link.as_deref()),
        (translations, Some("/news/1"))
    );
}

async fn states_are_told_of_what_is_in_the_inbox_only(Database { store, .. }: Database) {
    let ids = fill(&store).await;
    let bobs = notification("bob's");
    let line = batch([told(to("bob"), 12, &bobs)]);
    store
        .project(NOTIFICATIONS, Some(&at(11)), &at(12), &line)
        .await
        .unwrap();
    let asked = [&ids[..], &[bobs.event_id, Uuid::new_v4(), ids[0]]].concat();
    let states = store.notification_states(&user("ann"), &asked).await.unwrap();
    assert_eq!(states.position, Some(at(12)));
    let mut found: Vec<_> = states.value.iter().map(|(id, _)| *id).collect();
    found.sort_unstable();
    let mut expected = ids.clone();
    expected.sort_unstable();
    assert_eq!(found, expected);
    for (id, state) in states.value {
        let n = ids.iter().position(|of| *of == id).unwrap() % 4;
        assert_eq!(state.seen_at.is_some(), n >= 1, "{n}");
        assert_eq!(
            (state.read_at.is_some(), state.archived_at.is_some()),
            (n == 2, n == 3)
        );
    }
    let none = store.notification_states(&user("ann"), &[]).await.unwrap();
    assert_eq!(none.value, []);
}

async fn preferences_that_cannot_be_read_silence_nothing(database: Database) {
    let store = &database.store;
    let wanted = Logged {
        entry: Entry::PreferencesChanged {
            user: user("ann"),
            preferences: Preferences {
                types_off: [notification("x").event_type].into(),
                ..Preferences::default()
            },
        },
        ..by_ann(1, Change::Seen, Target::UpTo(1))
    };
    let line = |n| told(to("ann"), n, &notification("own"));
    let all = told(Recipient::Everybody, 3, &notification("all"));
    let first = batch([wanted, line(2), all]);
    store.project(NOTIFICATIONS, None, &at(3), &first).await.unwrap();
    let unreadable = "UPDATE preferences SET preferences = '{\"quietHours\":{\"from\":\"soon\"}}'";
    database
        .foreign()
        .await
        .execute_unprepared(unreadable)
        .await
        .unwrap();
    let second = batch([line(4)]);
    store
        .project(NOTIFICATIONS, Some(&at(3)), &at(4), &second)
        .await
        .unwrap();
    let silenced: Vec<_> = rows(store, &Filter::default())
        .await
        .iter()
        .map(|row| (row.sequence, row.silenced))
        .collect();
    assert_eq!(silenced, [(4, None), (3, None), (2, Some(Silence::TypeOff))]);
    let refused = store.preferences(&user("ann")).await.unwrap_err();
    assert!(matches!(
        refused,
        StoreError::Stored {
            column: "preferences",
            ..
        }
    ));
}

async fn the_zone_of_a_person_is_the_catalogues(Database { store, .. }: Database) {
    let person = |id, time_zone: Option<&str>| domain::catalogue::User {
        id: user(id),
        locale: None,
        time_zone: time_zone.map(|zone| zone.parse().unwrap()),
        email: None,
        phone: None,
    };
    let people = [person("ann", Some("Asia/Seoul")), person("bob", None)];
    store.upsert_users(&people).await.unwrap();
    let zone = async |id| store.time_zone_of(&user(id)).await.unwrap();
    assert_eq!(zone("ann").await.as_deref(), Some("Asia/Seoul"));
    assert_eq!((zone("bob").await, zone("stranger").await), (None, None));
}
