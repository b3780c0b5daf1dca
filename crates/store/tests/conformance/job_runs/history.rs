use chrono::{DateTime, TimeDelta, Utc};
use domain::misfire::{Gap, Plan, Skip, SkipReason};
use sea_orm::ConnectionTrait;
use store::Store;
use store::job_runs::{HistoryEntry, PageEnd};

use super::{
    AT, JOB, SOME, claim, claim_and_stall, claimed, down_since, end, failed, lapsed, lease, look, succeed,
    window,
};
use crate::engines::{Database, on_both_engines, utc};

on_both_engines!(
    the_history_comes_page_by_page_the_latest_first,
    a_skip_and_a_run_of_one_instant_are_on_one_page,
    what_is_old_goes_but_for_the_last_success_and_the_unfinished,
    many_old_runs_go_in_several_transactions,
);

const DAY: TimeDelta = TimeDelta::days(1);

/// Before every instant in these tests, and before they run.
const LONG_AGO: &str = "2020-01-01T00:00:00Z";

fn day(n: i32) -> DateTime<Utc> {
    utc(AT) + DAY * n
}

/// Days of November as skips, recorded by a look.
async fn skip(database: &Database, ranges: &[(i32, i32)]) {
    look(&database.store, "ann").await;
    down_since(database, utc(LONG_AGO)).await;
    let skips: Vec<Skip> = ranges
        .iter()
        .map(|(first, last)| Skip {
            first: day(*first),
            last: day(*last),
            instants: u64::try_from(last - first + 1).unwrap(),
            reason: SkipReason::Superseded { by: day(9) },
            paused: *first == 0,
        })
        .collect();
    // The plan of a clock that the test does not have to wait for.
    let accounted_until = day(-9);
    let plan = |_: &Gap| Plan {
        runs: Vec::new(),
        skips: skips.clone(),
        accounted_until,
    };
    let look = database
        .store
        .next_run(JOB, &lease("ann"), &window, &plan)
        .await
        .unwrap();
    assert_eq!(look.skipped, skips);
}

async fn run_on(store: &Store, n: i32) -> uuid::Uuid {
    let start = claimed(store.claim_run(JOB, day(n), &lease("ann"), &window).await);
    succeed(store, &start.attempt).await;
    start.attempt.run_id
}

/// Runs by the day of their instant, skips by those of the first and the last.
async fn page(store: &Store, before: Option<i32>, limit: u64) -> Vec<(i64, i64)> {
    let days = |at: DateTime<Utc>| (at - utc(AT)).num_days();
    let entries = store.history(JOB, before.map(day), limit).await.unwrap();
    let entries = entries.into_iter().map(|entry| match entry {
        HistoryEntry::Run(run) => (days(run.scheduled_at), days(run.scheduled_at)),
        HistoryEntry::Skipped(record) => (days(record.skip.first), days(record.skip.last)),
    });
    entries.collect()
}

async fn the_history_comes_page_by_page_the_latest_first(database: Database) {
    let store = &database.store;
    skip(&database, &[(0, 2), (4, 5)]).await;
    for n in [7, 3, 6] {
        run_on(store, n).await;
    }
    let other = store.claim_run("alert-due", day(4), &lease("ann"), &window).await;
    claimed(other);
    assert_eq!(page(store, None, 3).await, [(7, 7), (6, 6), (4, 5)]);
    assert_eq!(page(store, Some(5), 3).await, [(3, 3), (0, 2)]);
    assert_eq!(page(store, Some(2), 3).await, []);
    assert_eq!(page(store, None, 0).await, []);
    let oldest = store.history(JOB, None, 10).await.unwrap().pop().unwrap();
    assert_eq!(oldest.instant(), day(2));
    let HistoryEntry::Skipped(record) = oldest else {
        panic!("{oldest:?}");
    };
    assert_eq!(
        (record.skip.reason, record.skip.instants, record.skip.paused),
        (SkipReason::Superseded { by: day(9) }, 3, true)
    );
    assert!(record.recorded_at <= Utc::now() + TimeDelta::minutes(1));
}

async fn a_skip_and_a_run_of_one_instant_are_on_one_page(database: Database) {
    let store = &database.store;
    skip(&database, &[(0, 2), (4, 5)]).await;
    run_on(store, 5).await;
    assert_eq!(page(store, None, 1).await, [(5, 5), (4, 5)]);
    assert_eq!(page(store, Some(5), 1).await, [(0, 2)]);
}

async fn what_is_old_goes_but_for_the_last_success_and_the_unfinished(database: Database) {
    let store = &database.store;
    skip(&database, &[(-8, -7), (-6, -6)]).await;
    let with_rows = claim(store, "2026-11-16T00:00:00Z").await.attempt;
    let bad = PageEnd {
        failed_rows: vec![failed("coupon 7", "no zone")],
        ..end(SOME)
    };
    store.finish_run(&with_rows, Ok(()), &bad).await.unwrap();
    for n in [-3, -2] {
        run_on(store, n).await;
    }
    let broke = claim(store, "2026-11-20T00:00:00Z").await.attempt;
    store
        .finish_run(&broke, Err("broke".to_owned()), &end(SOME))
        .await
        .unwrap();
    claim_and_stall(store, AT).await;
    // Ended long ago, for an instant to come.
    let to_come = day(30);
    let ahead = claimed(store.claim_run(JOB, to_come, &lapsed("ann"), &window).await);
    store
        .finish_run(&ahead.attempt, Err("broke".to_owned()), &end(SOME))
        .await
        .unwrap();
    let other = claimed(
        store
            .claim_run("alert-due", day(-5), &lease("ann"), &window)
            .await,
    );
    succeed(store, &other.attempt).await;

    assert_eq!(store.prune_history(JOB, Utc::now() - DAY).await.unwrap(), 0);
    let long_ago = "UPDATE job_runs SET finished_at = '2026-01-02T00:00:00+00:00' \
                    WHERE finished_at IS NOT NULL";
    let foreign = database.foreign().await;
    foreign.execute_unprepared(long_ago).await.unwrap();
    let long_ago = "UPDATE job_skips SET recorded_at = '2026-01-02T00:00:00+00:00'";
    foreign.execute_unprepared(long_ago).await.unwrap();
    // Both skips, the two earlier successes, the failure.
    assert_eq!(
        store
            .prune_history(JOB, utc("2026-11-22T00:00:00Z"))
            .await
            .unwrap(),
        5
    );
    let left: Vec<_> = store.history(JOB, None, 10).await.unwrap();
    let left: Vec<_> = left.iter().map(HistoryEntry::instant).collect();
    assert_eq!(left, [day(30), day(0), day(-2)]);
    assert!(
        store
            .failed_rows(with_rows.run_id, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let attempts = foreign.query_all_raw(sea_orm::Statement::from_string(
        foreign.get_database_backend(),
        "SELECT 1 FROM job_attempts",
    ));
    assert_eq!(attempts.await.unwrap().len(), 4);
}

async fn many_old_runs_go_in_several_transactions(database: Database) {
    let store = &database.store;
    look(store, "ann").await;
    down_since(&database, utc(LONG_AGO)).await;
    let plan = |_: &Gap| Plan {
        runs: (1..=1203).map(|n| day(-100) + TimeDelta::minutes(n)).collect(),
        skips: Vec::new(),
        accounted_until: day(-99),
    };
    super::taken(store.next_run(JOB, &lapsed("ann"), &window, &plan).await.unwrap());
    let ended = "UPDATE job_runs SET state = 'succeeded', finished_at = '2026-01-02T00:00:00+00:00'";
    database.foreign().await.execute_unprepared(ended).await.unwrap();
    assert_eq!(store.prune_history(JOB, day(0)).await.unwrap(), 1202);
    assert_eq!(store.history(JOB, None, 10).await.unwrap().len(), 1);
}
