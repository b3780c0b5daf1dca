use serde_json::json;
use store::job_runs::{Counts, Origin, State};

use super::{AT, JOB, MORE, SOME, assert_over, claim, claim_and_stall, end, look, page, run, succeed, taken};
use crate::engines::{Database, on_both_engines, utc};

on_both_engines!(
    a_new_run_begins_with_nothing,
    an_attempt_goes_on_where_the_last_one_was_cut_off,
    the_window_of_a_run_is_fixed_by_its_first_attempt,
    a_failed_run_is_taken_up_by_hand_alone_and_at_its_checkpoint,
    a_run_that_succeeded_begins_again_from_the_beginning,
    each_attempt_has_counts_of_its_own,
    long_errors_are_cut_and_nul_is_kept_out,
);

async fn a_new_run_begins_with_nothing(Database { store, .. }: Database) {
    let start = claim(&store, AT).await;
    assert_eq!((start.attempt.number, start.earlier), (1, None));
    assert_eq!((start.checkpoint, start.counts), (None, Counts::default()));
    assert_eq!(
        (start.scheduled_at, start.window_start),
        (utc(AT), utc("2026-11-20T00:00:00Z"))
    );
    let run = run(&store, AT).await;
    assert_eq!(
        (run.state, run.origin, run.fence),
        (State::Running, Origin::Request, 1)
    );
    assert_eq!((run.owner.as_deref(), run.total), (Some("ann"), None));
    assert!(run.leased_until.is_some_and(|until| until > run.created_at));
    store.set_total(&start.attempt, 1_000_000).await.unwrap();
    assert_eq!(super::run(&store, AT).await.total, Some(1_000_000));
}

async fn an_attempt_goes_on_where_the_last_one_was_cut_off(database: Database) {
    let store = &database.store;
    let first = claim_and_stall(store, AT).await;
    let checkpoint = json!({"zone": "Asia/Seoul", "key": {"id": "c\u{1f600}\0", "n": 1}});
    let done = page(checkpoint.clone(), SOME);
    store.save_checkpoint(&first.attempt, &done).await.unwrap();

    // As a process that starts after a kill.
    let second = taken(look(&database.another().await, "bob").await);
    assert_eq!(
        (second.attempt.run_id, second.attempt.number),
        (first.attempt.run_id, 2)
    );
    assert_eq!(
        (second.earlier, second.window_start),
        (Some(State::Running), first.window_start)
    );
    assert_eq!((second.checkpoint, second.counts), (Some(checkpoint), SOME));
    succeed(store, &second.attempt).await;
    let run = run(store, AT).await;
    assert_eq!(
        (run.state, run.owner, run.leased_until),
        (State::Succeeded, None, None)
    );
    let states: Vec<_> = run.attempts.iter().map(|attempt| attempt.state).collect();
    assert_eq!(states, [State::Abandoned, State::Succeeded]);
    assert_eq!(run.attempts[0].ended_at, Some(run.attempts[1].started_at));
}

async fn the_window_of_a_run_is_fixed_by_its_first_attempt(Database { store, .. }: Database) {
    let earlier = claim(&store, "2026-11-18T00:00:00Z").await;
    succeed(&store, &earlier.attempt).await;
    let failed = claim(&store, "2026-11-19T00:00:00Z").await;
    let outcome = Err("broke".to_owned());
    store
        .finish_run(&failed.attempt, outcome, &end(SOME))
        .await
        .unwrap();

    let first = claim_and_stall(&store, AT).await;
    assert_eq!(first.window_start, utc("2026-11-18T00:00:00Z"));
    let between = claim(&store, "2026-11-20T00:00:00Z").await;
    succeed(&store, &between.attempt).await;
    assert_eq!(claim(&store, AT).await.window_start, first.window_start);
}

async fn a_failed_run_is_taken_up_by_hand_alone_and_at_its_checkpoint(Database { store, .. }: Database) {
    let first = claim(&store, AT).await;
    let done = page(json!("here"), SOME);
    store.save_checkpoint(&first.attempt, &done).await.unwrap();
    store.set_total(&first.attempt, 30).await.unwrap();
    let outcome = Err("no such zone".to_owned());
    store
        .finish_run(&first.attempt, outcome, &end(MORE))
        .await
        .unwrap();
    assert_eq!(look(&store, "bob").await.next, store::job_runs::Next::Nothing);
    let failed = run(&store, AT).await;
    assert_eq!(
        (failed.state, failed.error.as_deref()),
        (State::Failed, Some("no such zone"))
    );

    let second = claim(&store, AT).await;
    assert_eq!(
        (second.earlier, second.checkpoint, second.counts),
        (Some(State::Failed), Some(json!("here")), MORE)
    );
    let again = run(&store, AT).await;
    assert_eq!(
        (again.error, again.finished_at, again.total),
        (None, None, Some(30))
    );
}

async fn a_run_that_succeeded_begins_again_from_the_beginning(Database { store, .. }: Database) {
    let first = claim(&store, AT).await;
    let done = page(json!("here"), SOME);
    store.save_checkpoint(&first.attempt, &done).await.unwrap();
    store.set_total(&first.attempt, 30).await.unwrap();
    succeed(&store, &first.attempt).await;
    assert_over(store.save_checkpoint(&first.attempt, &done).await);

    let second = claim_and_stall(&store, AT).await;
    assert_eq!(
        (second.attempt.number, second.earlier),
        (2, Some(State::Succeeded))
    );
    assert_eq!((second.checkpoint, second.counts), (None, Counts::default()));
    assert_eq!(second.window_start, first.window_start);
    assert_eq!(run(&store, AT).await.total, None);
    // Cut off before its first checkpoint, it still begins at the beginning.
    let third = taken(look(&store, "bob").await);
    assert_eq!((third.checkpoint, third.counts), (None, Counts::default()));
}

async fn each_attempt_has_counts_of_its_own(Database { store, .. }: Database) {
    let first = claim_and_stall(&store, AT).await;
    let done = page(json!("here"), SOME);
    store.save_checkpoint(&first.attempt, &done).await.unwrap();
    let second = claim(&store, AT).await;
    let outcome = Err("broke".to_owned());
    store
        .finish_run(&second.attempt, outcome, &end(MORE))
        .await
        .unwrap();
    let run = run(&store, AT).await;
    let own = Counts {
        read: 15,
        emitted: 13,
        already_emitted: 1,
        skipped: 1,
    };
    let counts: Vec<_> = run.attempts.iter().map(|attempt| attempt.counts).collect();
    assert_eq!((run.counts, counts), (MORE, vec![SOME, own]));
    assert_eq!(run.attempts[1].error.as_deref(), Some("broke"));
    assert!(run.finished_at.is_some_and(|at| at >= run.created_at));
    let other = store.find_run("alert-due", utc(AT)).await.unwrap();
    assert_eq!((run.job.as_str(), other), (JOB, None));
}

async fn long_errors_are_cut_and_nul_is_kept_out(Database { store, .. }: Database) {
    let first = claim(&store, AT).await;
    let long = format!("\0{}", "\u{1f600}".repeat(5000));
    store
        .finish_run(&first.attempt, Err(long), &end(SOME))
        .await
        .unwrap();
    let error = run(&store, AT).await.error.unwrap();
    assert_eq!(error, format!("\u{fffd}{}", "\u{1f600}".repeat(3999)));
}
