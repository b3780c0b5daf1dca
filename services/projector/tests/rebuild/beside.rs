//! Beside a projector that goes on.

use std::time::Duration;

use projector::rebuild::{RebuildError, Rebuilt};
use store::StoreError;
use store::projection::NOTIFICATIONS;
use test_support::lastcall::eventually;

use crate::messages::mixture;
use crate::setting::{COMPARE, SWAP, Setting, on_both_engines};

on_both_engines!(
    new_tables_take_the_place_of_the_old_ones_under_live_traffic,
    of_two_rebuilds_the_second_says_so,
    an_empty_log_makes_empty_tables,
);

async fn new_tables_take_the_place_of_the_old_ones_under_live_traffic(setting: Setting) {
    setting.append(&mixture(1, 3_000)).await;
    let (shutdown, running) = setting.project();
    setting.projected().await;
    for round in 0..2 {
        let begin = 3_000 + round * 400;
        let traffic = async {
            for from in (begin..begin + 400).step_by(5) {
                setting.append(&mixture(from, from + 5)).await;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let (rebuilt, ()) = tokio::join!(setting.rebuild(SWAP), traffic);
        let Rebuilt {
            comparison, swapped, ..
        } = rebuilt.unwrap();
        let comparison = comparison.unwrap();
        assert!(comparison.is_equal(), "{comparison:#?}");
        assert!(
            comparison.tables.iter().all(|table| table.equal > 0),
            "{comparison:#?}"
        );
        assert!(swapped);
        setting.projected().await;
        setting.assert_tables_are_the_log().await;
    }
    shutdown.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(setting.inbox_of(1).await.value.rows.len(), 100);
}

async fn of_two_rebuilds_the_second_says_so(setting: Setting) {
    let first = setting.store.start_rebuild().await.unwrap();
    let second = setting.rebuild(COMPARE).await.unwrap_err();
    assert!(
        matches!(second, RebuildError::Store(StoreError::OtherRebuild)),
        "{second:?}"
    );
    drop(first);
    eventually("the lock is free", || async {
        setting.rebuild(COMPARE).await.ok()
    })
    .await;
}

async fn an_empty_log_makes_empty_tables(setting: Setting) {
    let rebuilt = setting.rebuild(SWAP).await.unwrap();
    assert_eq!((rebuilt.messages, rebuilt.position.sequence), (0, 0));
    setting.append(&mixture(1, 50)).await;
    setting.project_all().await;
    let position = setting.store.projection_position(NOTIFICATIONS).await.unwrap();
    assert_eq!(position.unwrap().sequence, 49);
    setting.assert_tables_are_the_log().await;
}
