use futures::future::join_all;
use serde_json::json;
use store::StoreError;
use store::job_runs::{Counts, State};

use crate::engines::{Database, on_both_engines, utc};

on_both_engines!(
    a_new_run_begins_with_nothing,
    an_attempt_goes_on_where_the_last_one_was_cut_off,
    an_attempt_that_was_taken_over_from_can_write_no_more,
    a_failed_run_is_taken_up_again_at_its_checkpoint,
    an_interrupted_run_stays_unfinished_with_its_reason,
    a_run_that_succeeded_begins_again_from_the_beginning,
    of_many_that_begin_one_run_the_last_goes_on,
    runs_are_listed_with_their_attempts,
);

const JOB: &str = "coupon-expiring";
const AT: &str = "2026-11-21T00:00:00Z";
const START: &str = "2026-11-20T00:00:00Z";
const SOME: Counts = Counts {
    read: 10,
    emitted: 7,
    already_emitted: 2,
    skipped: 1,
};
const MORE: Counts = Counts {
    read: 25,
    emitted: 20,
    already_emitted: 3,
    skipped: 2,
};

async fn a_new_run_begins_with_nothing(Database { store, .. }: Database) {
    let start = store.begin_run(JOB, utc(AT), utc(START)).await.unwrap();
    assert_eq!((start.attempt.number, start.earlier), (1, None));
    assert_eq!((start.checkpoint, start.counts), (None, Counts::default()));
    assert_eq!(start.window_start, utc(START));
    assert_eq!(
        store.unfinished_runs().await.unwrap(),
        [(JOB.to_owned(), utc(AT))]
    );
    assert_eq!(
        store
            .last_succeeded_before(JOB, utc("2027-01-01T00:00:00Z"))
            .await
            .unwrap(),
        None
    );
}

async fn an_attempt_goes_on_where_the_last_one_was_cut_off(database: Database) {
    let store = &database.store;
    let first = store.begin_run(JOB, utc(AT), utc(START)).await.unwrap();
    let checkpoint = json!({"zone": "Asia/Seoul", "key": {"id": "c\u{1f600}", "n": 1}});
    store
        .save_checkpoint(&first.attempt, &checkpoint, SOME)
        .await
        .unwrap();
    // As a process that starts after a kill, with another idea of where the window began.
    let second = database
        .another()
        .await
        .begin_run(JOB, utc(AT), utc(AT))
        .await
        .unwrap();
    assert_eq!(
        (second.attempt.run_id, second.attempt.number),
        (first.attempt.run_id, 2)
    );
    assert_eq!(
        (second.earlier, second.window_start),
        (Some(State::Running), utc(START))
    );
    assert_eq!(
        (second.checkpoint.as_ref(), second.counts),
        (Some(&checkpoint), SOME)
    );
    store.finish_run(&second.attempt, Ok(()), MORE).await.unwrap();
    assert!(store.unfinished_runs().await.unwrap().is_empty());
    assert_eq!(store.last_succeeded_before(JOB, utc(AT)).await.unwrap(), None);
    let after = utc("2026-11-21T00:00:00.000001Z");
    assert_eq!(
        store.last_succeeded_before(JOB, after).await.unwrap(),
        Some(utc(AT))
    );
    assert_eq!(
        store.last_succeeded_before("alert-due", after).await.unwrap(),
        None
    );
}

async fn an_attempt_that_was_taken_over_from_can_write_no_more(Database { store, .. }: Database) {
    let first = store.begin_run(JOB, utc(AT), utc(START)).await.unwrap();
    let second = store.begin_run(JOB, utc(AT), utc(START)).await.unwrap();
    store
        .save_checkpoint(&second.attempt, &json!(2), SOME)
        .await
        .unwrap();
    let late = store.save_checkpoint(&first.attempt, &json!(1), MORE).await;
    assert!(
        matches!(late, Err(StoreError::AttemptOver { number: 1, .. })),
        "{late:?}"
    );
    let late = store.finish_run(&first.attempt, Ok(()), MORE).await;
    assert!(matches!(late, Err(StoreError::AttemptOver { .. })), "{late:?}");
    let third = store.begin_run(JOB, utc(AT), utc(START)).await.unwrap();
    assert_eq!(
        (third.earlier, third.checkpoint),
        (Some(State::Running), Some(json!(2)))
    );
    assert_eq!(third.counts, SOME);
}

async fn a_failed_run_is_taken_up_again_at_its_checkpoint(Database { store, .. }: Database) {
    let first = store.begin_run(JOB, utc(AT), utc(START)).await.unwrap();
    store
        .save_checkpoint(&first.attempt, &json!("here"), SOME)
        .await
        .unwrap();
    store
        .finish_run(&first.attempt, Err("the log is away".to_owned()), MORE)
        .await
        .unwrap();
    assert!(store.unfinished_runs().await.unwrap().is_empty());
    assert_eq!(
        store
            .last_succeeded_before(JOB, utc("2027-01-01T00:00:00Z"))
            .await
            .unwrap(),
        None
    );
    let second = store.begin_run(JOB, utc(AT), utc(START)).await.unwrap();
    assert_eq!(
        (second.earlier, second.checkpoint),
        (Some(State::Failed), Some(json!("here")))
    );
    assert_eq!(store.list_runs(None, 1).await.unwrap()[0].error, None);
}

async fn an_interrupted_run_stays_unfinished_with_its_reason(Database { store, .. }: Database) {
    let first = store.begin_run(JOB, utc(AT), utc(START)).await.unwrap();
    store
        .save_checkpoint(&first.attempt, &json!("here"), SOME)
        .await
        .unwrap();
    let interrupted = store.interrupt_run(&first.attempt, "the log is away".to_owned(), SOME);
    interrupted.await.unwrap();
    let unfinished = store.unfinished_runs().await.unwrap();
    assert_eq!(unfinished, [(JOB.to_owned(), utc(AT))]);
    let run = store.list_runs(None, 1).await.unwrap().remove(0);
    assert_eq!(
        (run.state, run.error.as_deref()),
        (State::Running, Some("the log is away"))
    );
    assert_eq!(run.attempts[0].state, State::Failed);

    let second = store.begin_run(JOB, utc(AT), utc(START)).await.unwrap();
    assert_eq!(second.checkpoint, Some(json!("here")));
    store.finish_run(&second.attempt, Ok(()), MORE).await.unwrap();
    assert!(store.unfinished_runs().await.unwrap().is_empty());
}

async fn a_run_that_succeeded_begins_again_from_the_beginning(Database { store, .. }: Database) {
    let first = store.begin_run(JOB, utc(AT), utc(START)).await.unwrap();
    store
        .save_checkpoint(&first.attempt, &json!("here"), SOME)
        .await
        .unwrap();
    store.finish_run(&first.attempt, Ok(()), MORE).await.unwrap();
    let second = store.begin_run(JOB, utc(AT), utc(AT)).await.unwrap();
    assert_eq!(
        (second.attempt.number, second.earlier),
        (2, Some(State::Succeeded))
    );
    assert_eq!((second.checkpoint, second.counts), (None, Counts::default()));
    assert_eq!(second.window_start, utc(START));
    // Cut off before its first checkpoint, it still begins at the beginning.
    let third = store.begin_run(JOB, utc(AT), utc(AT)).await.unwrap();
    assert_eq!((third.checkpoint, third.counts), (None, Counts::default()));
}

async fn of_many_that_begin_one_run_the_last_goes_on(database: Database) {
    let stores = [database.another().await, database.another().await];
    let begin = |store| async move {
        store::Store::begin_run(store, JOB, utc(AT), utc(START))
            .await
            .unwrap()
    };
    let starts = join_all(stores.iter().cycle().take(8).map(begin)).await;
    let mut numbers: Vec<u32> = starts.iter().map(|start| start.attempt.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert!(
        starts
            .iter()
            .all(|start| start.attempt.run_id == starts[0].attempt.run_id)
    );
    for start in &starts {
        let saved = database
            .store
            .save_checkpoint(&start.attempt, &json!(1), SOME)
            .await;
        assert_eq!(saved.is_ok(), start.attempt.number == 8);
    }
}

async fn runs_are_listed_with_their_attempts(Database { store, .. }: Database) {
    let first = store.begin_run(JOB, utc(AT), utc(START)).await.unwrap();
    store
        .save_checkpoint(&first.attempt, &json!("here"), SOME)
        .await
        .unwrap();
    let second = store.begin_run(JOB, utc(AT), utc(START)).await.unwrap();
    store
        .finish_run(&second.attempt, Err("broke".to_owned()), MORE)
        .await
        .unwrap();
    let later = store
        .begin_run("alert-due", utc("2026-11-21T00:10:00Z"), utc(AT))
        .await
        .unwrap();
    let runs = store.list_runs(None, 10).await.unwrap();
    assert_eq!(
        runs.iter().map(|run| run.job.as_str()).collect::<Vec<_>>(),
        ["alert-due", JOB]
    );
    assert_eq!(
        (runs[0].id, runs[0].state, runs[0].finished_at),
        (later.attempt.run_id, State::Running, None)
    );
    let run = &store.list_runs(Some(JOB), 10).await.unwrap()[0];
    assert_eq!(
        (run.state, run.counts, run.error.as_deref()),
        (State::Failed, MORE, Some("broke"))
    );
    assert!(run.finished_at.is_some_and(|at| at >= run.created_at));
    let states: Vec<_> = run
        .attempts
        .iter()
        .map(|a| (a.number, a.state, a.error.as_deref()))
        .collect();
    assert_eq!(
        states,
        [(1, State::Abandoned, None), (2, State::Failed, Some("broke"))]
    );
    assert_eq!(run.attempts[0].counts, SOME);
    let own = Counts {
        read: 15,
        emitted: 13,
        already_emitted: 1,
        skipped: 1,
    };
    assert_eq!(run.attempts[1].counts, own);
    assert!(run.attempts.iter().all(|attempt| attempt.ended_at.is_some()));
    assert_eq!(store.list_runs(None, 1).await.unwrap().len(), 1);
}
