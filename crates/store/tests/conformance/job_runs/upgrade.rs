use migrations::{Migrator, MigratorTrait as _};
use serde_json::json;
use store::job_runs::{Next, State};

use super::{AT, SOME, claim, claim_and_stall, look, page, run, succeed, taken};
use crate::engines::{Database, on_both_engines};

on_both_engines!(runs_of_a_database_without_leases_are_kept_and_taken_up);

/// Migrations of the version before.
const WITHOUT_LEASES: usize = 12;

async fn runs_of_a_database_without_leases_are_kept_and_taken_up(database: Database) {
    let store = &database.store;
    let done = claim(store, "2026-11-20T00:00:00Z").await;
    succeed(store, &done.attempt).await;
    claim_and_stall(store, AT).await;
    let under_way = claim_and_stall(store, AT).await;
    let checkpoint = page(json!("here"), SOME);
    store
        .save_checkpoint(&under_way.attempt, &checkpoint)
        .await
        .unwrap();
    let undone = Migrator::migrations().len() - WITHOUT_LEASES;
    let steps = u32::try_from(undone).unwrap();
    Migrator::down(&database.foreign().await, Some(steps))
        .await
        .unwrap();
    assert_eq!(store.pending_migrations().await.unwrap().len(), undone);

    let store = &database.another().await;
    assert_eq!(store.migrate().await.unwrap(), undone);
    assert_eq!(run(store, AT).await.fence, 2);
    let start = taken(look(store, "bob").await);
    assert_eq!((start.attempt.number, start.earlier), (3, Some(State::Running)));
    assert_eq!(
        (start.checkpoint, start.counts, start.window_start),
        (Some(json!("here")), SOME, under_way.window_start)
    );
    succeed(store, &start.attempt).await;
    assert_eq!(look(store, "bob").await.next, Next::Nothing);
}
