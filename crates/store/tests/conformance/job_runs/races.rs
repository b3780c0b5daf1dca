use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use domain::misfire::{Gap, Plan, Skip, SkipReason};
use futures::future::join_all;
use store::Store;
use store::job_runs::{Claim, HistoryEntry, Lease, Next, State};
use uuid::Uuid;

use super::{AT, JOB, SOME, down_since, end, lease, look, run, window};
use crate::engines::{Database, on_both_engines, utc};

on_both_engines!(
    of_many_that_claim_one_run_one_gets_it,
    of_a_scheduler_and_a_person_one_gets_the_run,
    each_instant_has_one_run_or_one_skip_whoever_looks_and_dies,
);

async fn of_many_that_claim_one_run_one_gets_it(database: Database) {
    let stores = [database.another().await, database.another().await];
    let lease = lease("ann");
    let claims = (0..8).map(|n| stores[n % 2].claim_run(JOB, utc(AT), &lease, &window));
    let claims = join_all(claims).await;
    let winners = claims
        .iter()
        .filter(|claim| matches!(claim, Ok(Claim::Claimed(_))))
        .count();
    let losers = claims
        .iter()
        .filter(|claim| matches!(claim, Ok(Claim::Owned { .. })))
        .count();
    assert_eq!((winners, losers), (1, 7), "{claims:?}");
    assert_eq!(run(&database.store, AT).await.attempts.len(), 1);
}

async fn of_a_scheduler_and_a_person_one_gets_the_run(database: Database) {
    let store = &database.store;
    for n in 0..20 {
        let at = utc(AT) + TimeDelta::days(n);
        let owner = super::lapsed("stalled");
        super::claimed(store.claim_run(JOB, at, &owner, &window).await);
        let [ann, bob] = [lease("ann"), lease("bob")];
        let (by_hand, by_schedule) = tokio::join!(
            store.claim_run(JOB, at, &ann, &window),
            store.next_run(JOB, &bob, &window, &super::never),
        );
        let start = match (by_hand.unwrap(), by_schedule.unwrap().next) {
            (Claim::Claimed(start), Next::Busy { .. }) | (Claim::Owned { .. }, Next::Claimed(start)) => start,
            other => panic!("{other:?}"),
        };
        assert_eq!(start.attempt.number, 2);
        super::succeed(store, &start.attempt).await;
    }
}

const STEP: TimeDelta = TimeDelta::milliseconds(10);
const INSTANTS: i32 = 600;
const A_PLAN: usize = 50;
const LIMIT: Duration = Duration::from_secs(120);

/// A job of every hundredth of a second that ended some time ago. Of seven instants in a row two run.
struct Short {
    began: DateTime<Utc>,
}

impl Short {
    fn instants(&self) -> impl Iterator<Item = DateTime<Utc>> {
        let began = self.began;
        (1..=INSTANTS).map(move |n| began + STEP * n)
    }

    fn plan(&self, gap: &Gap) -> Plan {
        let is_due = |instant: &DateTime<Utc>| *instant > gap.accounted_until && *instant <= gap.now;
        let due: Vec<_> = self.instants().enumerate().filter(|(_, at)| is_due(at)).collect();
        let mut plan = Plan {
            runs: Vec::new(),
            skips: Vec::<Skip>::new(),
            accounted_until: due.get(A_PLAN).map_or(gap.now, |_| due[A_PLAN - 1].1),
        };
        for (n, instant) in due.into_iter().take(A_PLAN) {
            if n % 7 < 2 {
                plan.runs.push(instant);
                continue;
            }
            match plan.skips.last_mut() {
                Some(skip) if skip.last + STEP == instant => {
                    skip.last = instant;
                    skip.instants += 1;
                }
                _ => plan.skips.push(Skip {
                    first: instant,
                    last: instant,
                    instants: 1,
                    reason: SkipReason::Policy,
                    paused: false,
                }),
            }
        }
        plan
    }
}

/// Who works until there is nothing to do any more, and whom nobody asks before it is cut off.
struct Worker {
    store: Store,
    job: Arc<Short>,
    attempts: Arc<Mutex<BTreeSet<(Uuid, u32)>>>,
}

impl Worker {
    async fn work(self) {
        let lease = Lease {
            duration: Duration::from_millis(100),
            ..lease("worker")
        };
        let deadline = Instant::now() + LIMIT;
        loop {
            assert!(Instant::now() < deadline, "the runs do not come to an end");
            let plan = |gap: &Gap| self.job.plan(gap);
            let look = self.store.next_run(JOB, &lease, &window, &plan).await.unwrap();
            match look.next {
                Next::Claimed(start) => {
                    let begun = (start.attempt.run_id, start.attempt.number);
                    assert!(
                        self.attempts.lock().unwrap().insert(begun),
                        "{begun:?} has begun twice"
                    );
                    // Somebody else has it where this task was held up for longer than the lease.
                    let ended = self.store.finish_run(&start.attempt, Ok(()), &end(SOME)).await;
                    assert!(
                        matches!(ended, Ok(()) | Err(store::StoreError::AttemptOver { .. })),
                        "{ended:?}"
                    );
                }
                Next::Nothing if look.accounted_until >= look.now => return,
                Next::Nothing => {}
                Next::Busy { .. } => tokio::time::sleep(Duration::from_millis(1)).await,
                Next::Paused => panic!("nobody has paused the job"),
            }
        }
    }
}

async fn each_instant_has_one_run_or_one_skip_whoever_looks_and_dies(database: Database) {
    look(&database.store, "ann").await;
    let job = Arc::new(Short {
        began: Utc::now().trunc_subsecs(3) - STEP * INSTANTS,
    });
    down_since(&database, job.began).await;
    // One of them a person has run before, in the middle of what is skipped.
    let by_hand = job.began + STEP * 12;
    let start = super::claimed(
        database
            .store
            .claim_run(JOB, by_hand, &lease("ann"), &window)
            .await,
    );
    super::succeed(&database.store, &start.attempt).await;

    let attempts = Arc::default();
    let stores = [database.another().await, database.another().await];
    let worker = |n: usize| Worker {
        store: stores[n % 2].clone(),
        job: Arc::clone(&job),
        attempts: Arc::clone(&attempts),
    };
    let workers: Vec<_> = (0..8).map(|n| tokio::spawn(worker(n).work())).collect();
    // These die wherever they are, at different moments.
    for n in 0..40 {
        let dying = tokio::spawn(worker(n).work());
        let _ = tokio::time::timeout(Duration::from_micros(300 * n as u64), async {
            while !dying.is_finished() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        dying.abort();
    }
    for worker in join_all(workers).await {
        worker.unwrap();
    }

    let mut accounted: Vec<DateTime<Utc>> = Vec::new();
    for entry in all_history(&database.store).await {
        match entry {
            HistoryEntry::Run(run) => {
                assert_eq!(run.state, State::Succeeded, "{run:?}");
                accounted.push(run.scheduled_at);
            }
            HistoryEntry::Skipped(record) => {
                let Skip {
                    first,
                    last,
                    instants,
                    ..
                } = record.skip;
                let before = accounted.len();
                let range = std::iter::successors(Some(last), |at| Some(*at - STEP));
                accounted.extend(range.take_while(|at| *at >= first));
                assert_eq!((accounted.len() - before) as u64, instants, "{first} to {last}");
            }
        }
    }
    accounted.reverse();
    assert_eq!(accounted, job.instants().collect::<Vec<_>>());
}

async fn all_history(store: &Store) -> Vec<HistoryEntry> {
    let mut entries: Vec<HistoryEntry> = Vec::new();
    loop {
        let before = entries.last().map(HistoryEntry::instant);
        let page = store.history(JOB, before, 7).await.unwrap();
        if page.is_empty() {
            return entries;
        }
        entries.extend(page);
    }
}
