use std::time::Duration;

use chrono::{TimeDelta, Utc};
use sea_orm::ConnectionTrait;
use serde_json::json;
use store::job_runs::{Claim, Counts, Next, Origin, State};

use super::{
    AT, JOB, MORE, SOME, assert_over, claim, claim_and_stall, claimed, end, lapsed, lease, look, page, run,
    taken, window,
};
use crate::engines::{Database, on_both_engines, utc};

on_both_engines!(
    a_run_has_one_owner_while_its_lease_lasts,
    a_lapsed_lease_is_taken_over_and_the_stalled_owner_can_change_nothing,
    a_renewed_lease_keeps_the_run,
    the_schedulers_wait_for_a_back_off_and_a_person_does_not,
    a_run_that_is_given_back_is_anybodys_at_once,
    an_owner_that_is_gone_loses_its_runs,
    the_earliest_unfinished_run_goes_first_and_others_wait_for_it,
    runs_of_an_older_version_are_taken_up,
);

const LATER: &str = "2026-11-22T00:00:00Z";

async fn a_run_has_one_owner_while_its_lease_lasts(Database { store, .. }: Database) {
    claim(&store, AT).await;
    let until = run(&store, AT).await.leased_until.unwrap();
    let second = store
        .claim_run(JOB, utc(AT), &lease("bob"), &window)
        .await
        .unwrap();
    let owner = "ann".to_owned();
    assert_eq!(second, Claim::Owned { owner, until });
    let owner = Some("ann".to_owned());
    assert_eq!(look(&store, "bob").await.next, Next::Busy { owner, until });
    assert_eq!(run(&store, AT).await.attempts.len(), 1);
}

async fn a_lapsed_lease_is_taken_over_and_the_stalled_owner_can_change_nothing(
    Database { store, .. }: Database,
) {
    let stalled = claim_and_stall(&store, AT).await.attempt;
    let next = taken(look(&store, "bob").await).attempt;
    store.save_checkpoint(&next, &page(json!(2), SOME)).await.unwrap();
    let before = run(&store, AT).await;

    assert_over(store.renew_lease(&stalled, &lease("stalled")).await);
    assert_over(store.save_checkpoint(&stalled, &page(json!(1), MORE)).await);
    assert_over(store.set_total(&stalled, 5).await);
    assert_over(store.finish_run(&stalled, Ok(()), &end(MORE)).await);
    let broke = || "broke".to_owned();
    assert_over(store.finish_run(&stalled, Err(broke()), &end(MORE)).await);
    assert_over(store.interrupt_run(&stalled, broke(), Duration::ZERO).await);
    assert_over(store.release_run(&stalled).await);

    assert_eq!(run(&store, AT).await, before);
    store.finish_run(&next, Ok(()), &end(MORE)).await.unwrap();
}

async fn a_renewed_lease_keeps_the_run(Database { store, .. }: Database) {
    let attempt = claim_and_stall(&store, AT).await.attempt;
    // It has lapsed, and nobody has taken the run: its owner goes on.
    store.renew_lease(&attempt, &lease("stalled")).await.unwrap();
    assert!(matches!(look(&store, "bob").await.next, Next::Busy { .. }));
    store.renew_lease(&attempt, &lapsed("stalled")).await.unwrap();
    taken(look(&store, "bob").await);
}

async fn the_schedulers_wait_for_a_back_off_and_a_person_does_not(Database { store, .. }: Database) {
    let first = claim(&store, AT).await.attempt;
    let hour = Duration::from_secs(3600);
    let reason = "the log is away".to_owned();
    store
        .save_checkpoint(&first, &page(json!(1), SOME))
        .await
        .unwrap();
    store.interrupt_run(&first, reason.clone(), hour).await.unwrap();
    // The heartbeat of an attempt that has ended must not end its back-off.
    assert_over(store.renew_lease(&first, &lapsed("ann")).await);
    let interrupted = run(&store, AT).await;
    assert_eq!(
        (interrupted.state, interrupted.error, interrupted.owner),
        (State::Running, Some(reason), None)
    );
    assert_eq!(interrupted.attempts[0].state, State::Failed);
    assert_eq!(
        (interrupted.counts, interrupted.attempts[0].counts),
        (SOME, SOME),
        "as the page says that was stored"
    );
    let until = interrupted.leased_until.unwrap();
    assert!(until - Utc::now() > TimeDelta::minutes(59), "{until}");
    assert_eq!(look(&store, "bob").await.next, Next::Busy { owner: None, until });

    let second = claim(&store, AT).await;
    assert_eq!((second.attempt.number, second.counts), (2, SOME));
    let at_once = store.interrupt_run(&second.attempt, String::new(), Duration::ZERO);
    at_once.await.unwrap();
    let third = taken(look(&store, "bob").await);
    assert_eq!((third.attempt.number, third.counts), (3, SOME));
}

async fn a_run_that_is_given_back_is_anybodys_at_once(Database { store, .. }: Database) {
    let first = claim(&store, AT).await.attempt;
    store
        .save_checkpoint(&first, &page(json!("here"), SOME))
        .await
        .unwrap();
    store.release_run(&first).await.unwrap();
    assert_over(store.save_checkpoint(&first, &page(json!("on"), MORE)).await);
    let attempt = run(&store, AT).await.attempts.remove(0);
    assert_eq!((attempt.state, attempt.counts), (State::Abandoned, SOME));
    let ended_at = attempt.ended_at;

    let second = taken(look(&store, "bob").await);
    assert_eq!(second.checkpoint, Some(json!("here")));
    // It had ended itself, and was not found later.
    assert_eq!(run(&store, AT).await.attempts[0].ended_at, ended_at);
}

async fn an_owner_that_is_gone_loses_its_runs(Database { store, .. }: Database) {
    let first = claim(&store, AT).await.attempt;
    store.release_leases("bob").await.unwrap();
    assert!(matches!(look(&store, "bob").await.next, Next::Busy { .. }));
    store.release_leases("ann").await.unwrap();
    assert_over(store.save_checkpoint(&first, &page(json!(1), SOME)).await);
    assert_eq!(taken(look(&store, "bob").await).attempt.number, 2);
    assert_eq!(run(&store, AT).await.attempts[0].state, State::Abandoned);
}

async fn the_earliest_unfinished_run_goes_first_and_others_wait_for_it(Database { store, .. }: Database) {
    let later = claim_and_stall(&store, LATER).await;
    claim_and_stall(&store, AT).await;
    let earliest = taken(look(&store, "bob").await);
    assert_eq!(earliest.scheduled_at, utc(AT));
    assert!(matches!(look(&store, "eve").await.next, Next::Busy { .. }));
    super::succeed(&store, &earliest.attempt).await;
    let next = taken(look(&store, "eve").await);
    assert_eq!(
        (next.attempt.run_id, next.attempt.number),
        (later.attempt.run_id, 2)
    );
    // Other jobs have lines of their own.
    let bob = lease("bob");
    let other = store.next_run("alert-due", &bob, &window, &super::never);
    assert_eq!(other.await.unwrap().next, Next::Nothing);
}

/// As left behind by a version without leases: as migrated, and as written by a process that still runs.
async fn runs_of_an_older_version_are_taken_up(database: Database) {
    let store = &database.store;
    let first = claim(store, AT).await.attempt;
    store
        .save_checkpoint(&first, &page(json!("here"), SOME))
        .await
        .unwrap();
    let older = "UPDATE job_runs SET owner = NULL, leased_until = NULL, fence = 0, origin = 'schedule'";
    database.foreign().await.execute_unprepared(older).await.unwrap();

    let second = taken(look(store, "bob").await);
    assert_eq!((second.attempt.number, second.earlier), (2, Some(State::Running)));
    assert_eq!(
        (second.checkpoint, second.counts, second.window_start),
        (Some(json!("here")), SOME, utc("2026-11-20T00:00:00Z"))
    );
    assert_over(store.save_checkpoint(&first, &page(json!("on"), MORE)).await);
    claimed(store.claim_run(JOB, utc(LATER), &lease("ann"), &window).await);
    let run = run(store, AT).await;
    assert_eq!((run.fence, run.origin), (2, Origin::Schedule));
    assert_eq!(run.attempts[0].state, State::Abandoned);
    assert_eq!(run.attempts[1].counts, Counts::default());
}
