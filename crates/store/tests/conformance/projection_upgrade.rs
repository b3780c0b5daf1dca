use domain::inbox::State;
use migrations::{Migrator, MigratorTrait as _};
use proto_schemas::Recipient;
use store::inbox::Filter;
use store::projection::NOTIFICATIONS;

use crate::engines::{Database, on_both_engines, user};
use crate::projection::{at, batch, notification, to, told};

on_both_engines!(an_inbox_from_before_states_is_kept_and_unseen);

/// Migrations of the version before.
const WITHOUT_STATES: usize = 20;

async fn an_inbox_from_before_states_is_kept_and_unseen(database: Database) {
    let (own, general) = (notification("own"), notification("all"));
    let lines = batch([told(to("ann"), 1, &own), told(Recipient::Everybody, 2, &general)]);
    let store = &database.store;
    store.project(NOTIFICATIONS, None, &at(2), &lines).await.unwrap();
    let undone = Migrator::migrations().len() - WITHOUT_STATES;
    let steps = u32::try_from(undone).unwrap();
    Migrator::down(&database.foreign().await, Some(steps))
        .await
        .unwrap();

    let store = &database.another().await;
    assert_eq!(store.migrate().await.unwrap(), undone);
    let page = store
        .list_notifications(&user("ann"), &Filter::default(), None, 10)
        .await;
    let page = page.unwrap().value;
    assert_eq!((page.counts.unread, page.counts.unseen), (2, 2));
    assert_eq!(
        (&page.rows[0].notification, &page.rows[1].notification),
        (&general, &own)
    );
    for row in &page.rows {
        assert_eq!((row.state, row.silenced), (State::default(), None));
    }
    let words = &page.rows[0].translations[0];
    assert_eq!(
        (&words.locale, &words.title, &words.body),
        (&general.locale, &general.title, &general.body)
    );
    assert_eq!(
        store.projection_position(NOTIFICATIONS).await.unwrap(),
        Some(at(2))
    );
}
