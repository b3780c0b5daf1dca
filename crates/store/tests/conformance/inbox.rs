use domain::inbox::State;
use proto_schemas::Recipient;
use store::Store;
use store::inbox::{Audience, Counts, Filter, InboxPage};
use store::projection::{NOTIFICATIONS, ProjectedBatch};

use crate::engines::{Database, on_both_engines, user};
use crate::projection::{at, for_ann, notification, to, told};

on_both_engines!(
    an_empty_inbox_is_current_to_nothing,
    lines_come_newest_first_in_pages_with_what_was_said_to_everybody,
    a_line_says_what_the_event_said,
    unread_lines_are_counted_with_announcements,
);

async fn an_empty_inbox_is_current_to_nothing(Database { store, .. }: Database) {
    let read = store
        .list_notifications(&user("ann"), &Filter::default(), None, 10)
        .await
        .unwrap();
    let empty = InboxPage {
        rows: Vec::new(),
        counts: Counts::default(),
    };
    assert_eq!((read.value, read.position), (empty, None));
    assert_eq!(
        store.inbox_counts(&user("ann")).await.unwrap().value,
        Counts::default()
    );
    assert!(!store.unread_exists(&user("ann")).await.unwrap().value);
}

/// Ann has the odd sequences up to 19, everybody every fourth.
async fn fill(store: &Store) {
    let titled: Vec<_> = (0..10)
        .map(|n| (2 * n + 1, notification(&format!("own {n}"))))
        .collect();
    let own: Vec<_> = titled.iter().map(|(sequence, row)| (*sequence, row)).collect();
    let mut batch = for_ann(&own);
    let general = (1..=5).map(|n| (4 * n, notification(&format!("all {n}"))));
    let general = general.map(|(sequence, row)| told(Recipient::Everybody, sequence, &row));
    batch.entries.extend(general);
    batch.entries.push(told(to("bob"), 40, &notification("bob's")));
    store.project(NOTIFICATIONS, None, &at(40), &batch).await.unwrap();
}

async fn lines_come_newest_first_in_pages_with_what_was_said_to_everybody(Database { store, .. }: Database) {
    fill(&store).await;
    let expected = [20, 19, 17, 16, 15, 13, 12, 11, 9, 8, 7, 5, 4, 3, 1];
    for size in [1, 2, 4, 15, 100] {
        let mut read = Vec::new();
        let mut before = None;
        loop {
            let page = store
                .list_notifications(&user("ann"), &Filter::default(), before, size)
                .await
                .unwrap();
            assert_eq!(page.position, Some(at(40)));
            let Some(oldest) = page.value.rows.last() else {
                break;
            };
            before = Some(oldest.sequence);
            read.extend(page.value.rows);
        }
        assert_eq!(
            read.iter().map(|row| row.sequence).collect::<Vec<_>>(),
            expected,
            "pages of {size}"
        );
        let general = read.iter().filter(|row| row.audience == Audience::Everybody);
        assert_eq!(
            general.map(|row| row.sequence).collect::<Vec<_>>(),
            [20, 16, 12, 8, 4]
        );
    }
}

async fn a_line_says_what_the_event_said(Database { store, .. }: Database) {
    let (own, general) = (notification("own"), notification("all"));
    let mut batch = for_ann(&[(1, &own)]);
    batch.entries.push(told(Recipient::Everybody, 2, &general));
    store.project(NOTIFICATIONS, None, &at(2), &batch).await.unwrap();
    let read = store
        .list_notifications(&user("ann"), &Filter::default(), None, 10)
        .await
        .unwrap()
        .value
        .rows;
    assert_eq!((&read[0].notification, &read[1].notification), (&general, &own));
    assert!(read.iter().all(|row| row.state == State::default()));
}

async fn unread_lines_are_counted_with_announcements(Database { store, .. }: Database) {
    fill(&store).await;
    let all_of = |number| Counts {
        unread: number,
        unseen: number,
    };
    let ann = store.inbox_counts(&user("ann")).await.unwrap();
    assert_eq!((ann.value, ann.position), (all_of(15), Some(at(40))));
    let stranger = store.inbox_counts(&user("stranger")).await.unwrap();
    assert_eq!(stranger.value, all_of(5));
    let exists = store.unread_exists(&user("stranger")).await.unwrap();
    assert_eq!((exists.value, exists.position), (true, Some(at(40))));
    let nothing_general = ProjectedBatch::default();
    store
        .project(NOTIFICATIONS, Some(&at(40)), &at(41), &nothing_general)
        .await
        .unwrap();
    assert_eq!(
        store.unread_exists(&user("bob")).await.unwrap().position,
        Some(at(41))
    );
}
