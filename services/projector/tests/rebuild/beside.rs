//! Beside a projector that goes on.

use std::time::Duration;

use projector::rebuild::{RebuildError, Rebuilt};
use store::StoreError;
use store::projection::NOTIFICATIONS;
use tempfile::TempDir;
use test_support::lastcall::{LIMIT, eventually};
use test_support::postgres::Postgres;
use tokio::time::timeout;

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

/// A vacuum of a large table lasts; this one sleeps at every page.
#[tokio::test]
async fn an_autovacuum_under_way_is_not_waited_for() {
    const BEGIN: &str = "
        ALTER SYSTEM SET autovacuum_naptime = 1;
        SELECT pg_reload_conf();
        ALTER TABLE notifications SET (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1,
            autovacuum_vacuum_insert_threshold = 0, autovacuum_vacuum_insert_scale_factor = 0);
        DO $$ BEGIN
            FOR look IN 1..600 LOOP
                PERFORM 1 FROM pg_stat_progress_vacuum WHERE relid = 'notifications'::regclass;
                IF FOUND THEN RETURN; END IF;
                PERFORM pg_sleep(0.1), pg_stat_clear_snapshot();
            END LOOP;
            RAISE EXCEPTION 'there is no autovacuum';
        END $$;";
    let Some(server) = Postgres::start().await else {
        return;
    };
    let setting = Setting::open(server.url().to_owned(), TempDir::new().unwrap()).await;
    setting.append(&mixture(1, 30_000)).await;
    setting.project_all().await;
    server.execute(BEGIN).await;
    let rebuilt = timeout(LIMIT, setting.rebuild(SWAP)).await;
    assert!(rebuilt.expect("it does not wait").unwrap().swapped);
    setting.assert_tables_are_the_log().await;
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

/// As after a cut connection: what is left of the first rebuild may still load.
#[tokio::test]
async fn while_one_session_of_a_rebuild_lives_there_is_no_other_rebuild() {
    const END_ONE: &str = "SELECT pg_terminate_backend(pid) FROM pg_locks
        WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        ORDER BY objid LIMIT 1";
    let Some(server) = Postgres::start().await else {
        return;
    };
    let setting = Setting::open(server.url().to_owned(), TempDir::new().unwrap()).await;
    let first = setting.store.start_rebuild().await.unwrap();
    server.execute(END_ONE).await;
    let second = setting.rebuild(COMPARE).await.unwrap_err();
    assert!(
        matches!(second, RebuildError::Store(StoreError::OtherRebuild)),
        "{second:?}"
    );
    drop(first);
    setting.rebuild(COMPARE).await.unwrap();
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
