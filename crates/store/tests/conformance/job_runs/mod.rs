mod accounts;
mod attempts;
mod failed_rows;
mod history;
mod leases;
mod lock;
mod races;
mod upgrade;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::misfire::{Gap, Plan};
use sea_orm::ConnectionTrait;
use store::job_runs::{
    Attempt, Claim, Counts, FailedRow, Lease, Look, Next, PageBegan, PageDone, PageEnd, RunRecord, RunStart,
};
use store::{Store, StoreError};

use crate::engines::{Database, utc};

pub(crate) const JOB: &str = "coupon-expiring";
pub(crate) const AT: &str = "2026-11-21T00:00:00Z";
pub(crate) const SOME: Counts = Counts {
    read: 10,
    emitted: 7,
    already_emitted: 2,
    skipped: 1,
};
pub(crate) const MORE: Counts = Counts {
    read: 25,
    emitted: 20,
    already_emitted: 3,
    skipped: 2,
};

/// Lasts longer than any test.
pub(crate) fn lease(owner: &str) -> Lease {
    Lease {
        owner: owner.to_owned(),
        duration: Duration::from_secs(3600),
    }
}

/// Lapses as it begins.
pub(crate) fn lapsed(owner: &str) -> Lease {
    Lease {
        duration: Duration::ZERO,
        ..lease(owner)
    }
}

/// Since the last success, else a day.
pub(crate) fn window(scheduled_at: DateTime<Utc>, last: Option<DateTime<Utc>>) -> DateTime<Utc> {
    last.unwrap_or(scheduled_at - TimeDelta::days(1))
}

/// A schedule without instants.
pub(crate) fn never(gap: &Gap) -> Plan {
    Plan {
        runs: Vec::new(),
        skips: Vec::new(),
        accounted_until: gap.now,
    }
}

/// By hand, under a lease that lasts.
pub(crate) async fn claim(store: &Store, at: &str) -> RunStart {
    claimed(store.claim_run(JOB, utc(at), &lease("ann"), &window).await)
}

/// By hand, under a lease that has lapsed: the owner stalls at once.
pub(crate) async fn claim_and_stall(store: &Store, at: &str) -> RunStart {
    claimed(store.claim_run(JOB, utc(at), &lapsed("stalled"), &window).await)
}

pub(crate) fn claimed(claim: Result<Claim, StoreError>) -> RunStart {
    match claim.unwrap() {
        Claim::Claimed(start) => *start,
        owned @ Claim::Owned { .. } => panic!("{owned:?}"),
    }
}

/// A look of a scheduler whose schedule has no instants.
pub(crate) async fn look(store: &Store, owner: &str) -> Look {
    store.next_run(JOB, &lease(owner), &window, &never).await.unwrap()
}

pub(crate) fn taken(look: Look) -> RunStart {
    match look.next {
        Next::Claimed(start) => *start,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn page(checkpoint: serde_json::Value, counts: Counts) -> PageDone {
    PageDone {
        checkpoint,
        counts,
        failed_rows: Vec::new(),
        began: PageBegan::default(),
    }
}

pub(crate) fn end(counts: Counts) -> PageEnd {
    PageEnd {
        counts,
        failed_rows: Vec::new(),
        began: PageBegan::default(),
    }
}

pub(crate) fn failed(row: &str, reason: &str) -> FailedRow {
    FailedRow {
        row: row.to_owned(),
        reason: reason.to_owned(),
    }
}

pub(crate) async fn succeed(store: &Store, attempt: &Attempt) {
    store.finish_run(attempt, Ok(()), &end(SOME)).await.unwrap();
}

pub(crate) async fn run(store: &Store, at: &str) -> RunRecord {
    store.find_run(JOB, utc(at)).await.unwrap().unwrap()
}

pub(crate) fn assert_over(result: Result<(), StoreError>) {
    let error = result.unwrap_err();
    assert!(matches!(error, StoreError::AttemptOver { .. }), "{error:?}");
}

/// As if nobody had looked since `until`.
pub(crate) async fn down_since(database: &Database, until: DateTime<Utc>) {
    let moved = format!("UPDATE jobs SET accounted_until = '{}'", until.to_rfc3339());
    let changed = database.foreign().await.execute_unprepared(&moved).await.unwrap();
    assert_eq!(changed.rows_affected(), 1);
}
