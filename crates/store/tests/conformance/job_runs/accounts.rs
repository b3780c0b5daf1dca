use chrono::{DateTime, DurationRound, SubsecRound, TimeDelta, Timelike, Utc};
use domain::misfire::{self, Gap, INSTANTS_PER_PLAN, Misfire, Policy, Skip, SkipReason};
use domain::schedule::{Schedule, Timing};
use sea_orm::ConnectionTrait;
use store::Store;
use store::job_runs::{HistoryEntry, Look, Next, Origin, RunRecord, State};

use super::{JOB, claimed, down_since, lapsed, lease, look, succeed, taken, window};
use crate::engines::{Database, on_both_engines};

on_both_engines!(
    a_job_seen_for_the_first_time_begins_now,
    run_once_runs_the_latest_of_three_missed_instants,
    run_once_skips_what_is_beyond_its_grace,
    run_all_runs_three_missed_instants_one_after_the_other,
    skip_runs_none_of_three_missed_instants,
    more_instants_than_a_plan_looks_at_take_several_looks,
    thousands_of_missed_runs_wait_for_their_turn,
    an_instant_that_a_person_has_run_is_not_run_again,
    an_instant_that_a_person_has_run_is_no_skip,
    a_waiting_run_taken_by_a_person_is_still_the_schedules,
    a_paused_job_begins_nothing_and_catches_up_as_its_policy_says,
    a_paused_job_goes_on_with_what_has_begun,
    the_accounts_move_on_while_nothing_is_scheduled,
    a_clock_that_was_set_back_changes_nothing,
);

const HOUR: TimeDelta = TimeDelta::hours(1);

/// A job that is scheduled every hour, half an hour from now: no instant comes while a test runs.
struct Hourly {
    schedule: Schedule,
    /// Of the last three instants the first, second and third.
    missed: [DateTime<Utc>; 3],
}

impl Hourly {
    fn new() -> Self {
        let last = (Utc::now() - HOUR / 2)
            .duration_trunc(TimeDelta::minutes(1))
            .unwrap();
        let cron = format!("0 {} * * * *", last.minute());
        Self {
            schedule: Schedule::new(&cron, Timing::default()).unwrap(),
            missed: [last - HOUR * 2, last - HOUR, last],
        }
    }

    /// A job that nobody looked at since half an hour before the three instants.
    async fn missed_by(database: &Database) -> Self {
        let hourly = Self::new();
        look(&database.store, "ann").await;
        down_since(database, hourly.missed[0] - HOUR / 2).await;
        hourly
    }

    async fn look(&self, store: &Store, policy: Policy, grace: TimeDelta) -> Look {
        look_at(store, &self.schedule, policy, grace).await
    }

    fn skip(&self, missed: std::ops::RangeInclusive<usize>, reason: SkipReason) -> Skip {
        Skip {
            first: self.missed[*missed.start()],
            last: self.missed[*missed.end()],
            instants: missed.count() as u64,
            reason,
            paused: false,
        }
    }
}

async fn look_at(store: &Store, schedule: &Schedule, policy: Policy, grace: TimeDelta) -> Look {
    let misfire = Misfire {
        policy,
        grace,
        on_time: TimeDelta::minutes(1),
    };
    let plan = |gap: &Gap| misfire::plan(schedule, &misfire, gap);
    store.next_run(JOB, &lease("ann"), &window, &plan).await.unwrap()
}

/// The history, the earliest first: runs by their instants, and skips.
async fn history(store: &Store) -> Vec<Result<DateTime<Utc>, Skip>> {
    let entries = store.history(JOB, None, 100).await.unwrap();
    let entries = entries.into_iter().rev().map(|entry| match entry {
        HistoryEntry::Run(run) => Ok(run.scheduled_at),
        HistoryEntry::Skipped(skipped) => Err(skipped.skip),
    });
    entries.collect()
}

async fn run_of(store: &Store, at: DateTime<Utc>) -> RunRecord {
    store.find_run(JOB, at).await.unwrap().unwrap()
}

async fn accounted_until(store: &Store) -> DateTime<Utc> {
    store.job_states().await.unwrap()[0].accounted_until
}

async fn a_job_seen_for_the_first_time_begins_now(Database { store, .. }: Database) {
    let hourly = Hourly::new();
    assert!(store.job_states().await.unwrap().is_empty());
    let look = hourly.look(&store, Policy::RunAll, TimeDelta::days(1)).await;
    assert_eq!((look.next, look.skipped), (Next::Nothing, vec![]));
    assert!(history(&store).await.is_empty());
    let state = store.job_states().await.unwrap().remove(0);
    assert_eq!((state.job.as_str(), state.paused_since), (JOB, None));
    assert!((look.now - state.accounted_until).abs() < TimeDelta::minutes(1));
}

async fn run_once_runs_the_latest_of_three_missed_instants(database: Database) {
    let store = &database.store;
    let hourly = Hourly::missed_by(&database).await;
    let look = hourly.look(store, Policy::RunOnce, HOUR * 2).await;
    let by = hourly.missed[2];
    let skipped = hourly.skip(0..=1, SkipReason::Superseded { by });
    assert_eq!(look.skipped, std::slice::from_ref(&skipped));
    assert_eq!(
        (look.accounted_until, accounted_until(store).await),
        (look.now, look.now)
    );
    let start = taken(look);
    assert_eq!((start.scheduled_at, start.earlier), (by, None));
    let run = run_of(store, by).await;
    assert_eq!((run.origin, run.state), (Origin::Schedule, State::Running));
    succeed(store, &start.attempt).await;
    assert_eq!(history(store).await, [Err(skipped), Ok(by)]);
    let next = hourly.look(store, Policy::RunOnce, HOUR * 2).await.next;
    assert_eq!(next, Next::Nothing);
}

async fn run_once_skips_what_is_beyond_its_grace(database: Database) {
    let hourly = Hourly::missed_by(&database).await;
    let look = hourly.look(&database.store, Policy::RunOnce, HOUR / 4).await;
    assert_eq!(look.next, Next::Nothing);
    let skipped = hourly.skip(0..=2, SkipReason::Grace);
    assert_eq!(history(&database.store).await, [Err(skipped)]);
}

async fn run_all_runs_three_missed_instants_one_after_the_other(database: Database) {
    let store = &database.store;
    let hourly = Hourly::missed_by(&database).await;
    for (missed, window_start) in [
        (hourly.missed[0], hourly.missed[0] - TimeDelta::days(1)),
        (hourly.missed[1], hourly.missed[0]),
        (hourly.missed[2], hourly.missed[1]),
    ] {
        let start = taken(hourly.look(store, Policy::RunAll, TimeDelta::days(1)).await);
        assert_eq!((start.scheduled_at, start.window_start), (missed, window_start));
        let busy = hourly.look(store, Policy::RunAll, TimeDelta::days(1)).await.next;
        assert!(matches!(busy, Next::Busy { .. }), "{busy:?}");
        succeed(store, &start.attempt).await;
    }
    let next = hourly.look(store, Policy::RunAll, TimeDelta::days(1)).await.next;
    assert_eq!(next, Next::Nothing);
    assert_eq!(history(store).await, hourly.missed.map(Ok));
}

async fn skip_runs_none_of_three_missed_instants(database: Database) {
    let hourly = Hourly::missed_by(&database).await;
    let look = hourly
        .look(&database.store, Policy::Skip, TimeDelta::days(1))
        .await;
    assert_eq!(look.next, Next::Nothing);
    let skipped = hourly.skip(0..=2, SkipReason::Policy);
    assert_eq!(look.skipped, std::slice::from_ref(&skipped));
    assert_eq!(history(&database.store).await, [Err(skipped)]);
}

async fn more_instants_than_a_plan_looks_at_take_several_looks(database: Database) {
    let store = &database.store;
    let every_second = Schedule::new("* * * * * *", Timing::default()).unwrap();
    look(store, "ann").await;
    // Whole, so that it counts itself as accounted for.
    let until = Utc::now().trunc_subsecs(0) - HOUR * 4;
    down_since(&database, until).await;
    let first = look_at(store, &every_second, Policy::RunAll, TimeDelta::zero()).await;
    assert_eq!(first.next, Next::Nothing);
    let reached = until + TimeDelta::seconds(INSTANTS_PER_PLAN as i64);
    assert_eq!(first.accounted_until, reached);
    assert_eq!(accounted_until(store).await, reached);
    let second = look_at(store, &every_second, Policy::RunAll, TimeDelta::zero()).await;
    // Those of the last minute are on time.
    let on_time = taken(second.clone()).scheduled_at;
    assert!(second.now - on_time <= TimeDelta::minutes(1));
    let skips = [&first.skipped[..], &second.skipped].concat();
    assert_eq!((skips.len(), skips[0].first), (2, until + TimeDelta::seconds(1)));
    assert_eq!(skips[1].first - skips[0].last, TimeDelta::seconds(1));
    assert_eq!(on_time - skips[1].last, TimeDelta::seconds(1));
    let instants: u64 = skips.iter().map(|skip| skip.instants).sum();
    assert_eq!(
        TimeDelta::seconds(instants as i64),
        skips[1].last - until,
        "{skips:?}"
    );
}

async fn thousands_of_missed_runs_wait_for_their_turn(database: Database) {
    let store = &database.store;
    let every_second = Schedule::new("* * * * * *", Timing::default()).unwrap();
    look(store, "ann").await;
    let until = Utc::now().trunc_subsecs(0) - HOUR;
    down_since(&database, until).await;
    let start = taken(look_at(store, &every_second, Policy::RunAll, TimeDelta::days(1)).await);
    assert_eq!(start.scheduled_at, until + TimeDelta::seconds(1));
    succeed(store, &start.attempt).await;
    let waiting = run_of(store, until + HOUR).await;
    assert_eq!(
        (waiting.state, waiting.fence, waiting.origin),
        (State::Waiting, 0, Origin::Schedule)
    );
    assert!(waiting.attempts.is_empty());
    let next = taken(look_at(store, &every_second, Policy::RunAll, TimeDelta::days(1)).await);
    assert_eq!(next.window_start, start.scheduled_at);
}

async fn an_instant_that_a_person_has_run_is_not_run_again(database: Database) {
    let store = &database.store;
    let hourly = Hourly::missed_by(&database).await;
    for (at, outcome) in [
        (hourly.missed[1], Ok(())),
        (hourly.missed[2], Err("broke".to_owned())),
    ] {
        let by_hand = claimed(store.claim_run(JOB, at, &lease("ann"), &window).await);
        let page = super::end(super::SOME);
        store.finish_run(&by_hand.attempt, outcome, &page).await.unwrap();
    }
    let start = taken(hourly.look(store, Policy::RunAll, TimeDelta::days(1)).await);
    assert_eq!(start.scheduled_at, hourly.missed[0]);
    succeed(store, &start.attempt).await;
    let next = hourly.look(store, Policy::RunAll, TimeDelta::days(1)).await.next;
    assert_eq!(next, Next::Nothing);
    assert_eq!(history(store).await, hourly.missed.map(Ok));
    let run = run_of(store, hourly.missed[1]).await;
    assert_eq!((run.origin, run.attempts.len()), (Origin::Request, 1));
}

async fn an_instant_that_a_person_has_run_is_no_skip(database: Database) {
    let store = &database.store;
    let hourly = Hourly::missed_by(&database).await;
    let [first, second, third] = hourly.missed;
    // The last of these is in no schedule, and divides nothing.
    let unscheduled = second + HOUR / 2;
    for at in [second, unscheduled] {
        let by_hand = claimed(store.claim_run(JOB, at, &lease("ann"), &window).await);
        succeed(store, &by_hand.attempt).await;
    }
    let look = hourly.look(store, Policy::Skip, TimeDelta::days(1)).await;
    let skips = [
        hourly.skip(0..=0, SkipReason::Policy),
        hourly.skip(2..=2, SkipReason::Policy),
    ];
    assert_eq!((look.next, &look.skipped[..]), (Next::Nothing, &skips[..]));
    let [before, after] = skips.map(Err);
    assert_eq!(history(store).await, [before, Ok(second), Ok(unscheduled), after]);

    down_since(&database, first - HOUR * 3).await;
    let by_hand = claimed(
        store
            .claim_run(JOB, first - HOUR / 2, &lease("ann"), &window)
            .await,
    );
    succeed(store, &by_hand.attempt).await;
    database
        .foreign()
        .await
        .execute_unprepared("DELETE FROM job_skips")
        .await
        .unwrap();
    let look = hourly.look(store, Policy::Skip, TimeDelta::days(1)).await;
    let instants: Vec<_> = look
        .skipped
        .iter()
        .map(|skip| (skip.last, skip.instants))
        .collect();
    assert_eq!(instants, [(first, 3), (third, 1)]);
}

async fn a_waiting_run_taken_by_a_person_is_still_the_schedules(database: Database) {
    let store = &database.store;
    let hourly = Hourly::missed_by(&database).await;
    let first = taken(hourly.look(store, Policy::RunAll, TimeDelta::days(1)).await);
    let third = claimed(
        store
            .claim_run(JOB, hourly.missed[2], &lease("bob"), &window)
            .await,
    );
    assert_eq!((third.attempt.number, third.earlier), (1, None));
    assert_eq!(run_of(store, hourly.missed[2]).await.origin, Origin::Schedule);
    succeed(store, &first.attempt).await;
    // The schedulers go on with the second one meanwhile.
    let second = taken(hourly.look(store, Policy::RunAll, TimeDelta::days(1)).await);
    assert_eq!(second.scheduled_at, hourly.missed[1]);
}

async fn a_paused_job_begins_nothing_and_catches_up_as_its_policy_says(database: Database) {
    let store = &database.store;
    let hourly = Hourly::missed_by(&database).await;
    store.pause_job(JOB).await.unwrap();
    let since = (hourly.missed[0] + HOUR / 2).trunc_subsecs(6);
    let paused = format!("UPDATE jobs SET pause_began = '{}'", since.to_rfc3339());
    database
        .foreign()
        .await
        .execute_unprepared(&paused)
        .await
        .unwrap();
    // Again, to no effect.
    store.pause_job(JOB).await.unwrap();
    assert_eq!(store.job_states().await.unwrap()[0].paused_since, Some(since));
    let look = hourly.look(store, Policy::Skip, TimeDelta::days(1)).await;
    assert_eq!((look.next, look.skipped), (Next::Paused, vec![]));
    assert!(history(store).await.is_empty());

    store.resume_job(JOB).await.unwrap();
    assert_eq!(store.job_states().await.unwrap()[0].paused_since, None);
    hourly.look(store, Policy::Skip, TimeDelta::days(1)).await;
    let while_paused = Skip {
        paused: true,
        ..hourly.skip(1..=2, SkipReason::Policy)
    };
    let skips = [hourly.skip(0..=0, SkipReason::Policy), while_paused].map(Err);
    assert_eq!(history(store).await, skips);
    store.resume_job(JOB).await.unwrap();
    let next = hourly.look(store, Policy::Skip, TimeDelta::days(1)).await.next;
    assert_eq!(next, Next::Nothing);
}

async fn a_paused_job_goes_on_with_what_has_begun(database: Database) {
    let store = &database.store;
    let hourly = Hourly::missed_by(&database).await;
    let first = taken(hourly.look(store, Policy::RunAll, TimeDelta::days(1)).await);
    store.pause_job(JOB).await.unwrap();
    store.renew_lease(&first.attempt, &lapsed("ann")).await.unwrap();
    let again = taken(hourly.look(store, Policy::RunAll, TimeDelta::days(1)).await);
    assert_eq!((again.scheduled_at, again.attempt.number), (hourly.missed[0], 2));
    succeed(store, &again.attempt).await;
    let next = hourly.look(store, Policy::RunAll, TimeDelta::days(1)).await.next;
    assert_eq!(next, Next::Paused);
    store.resume_job(JOB).await.unwrap();
    let second = taken(hourly.look(store, Policy::RunAll, TimeDelta::days(1)).await);
    assert_eq!(second.scheduled_at, hourly.missed[1]);
}

async fn the_accounts_move_on_while_nothing_is_scheduled(database: Database) {
    let store = &database.store;
    look(store, "ann").await;
    down_since(&database, Utc::now() - TimeDelta::minutes(2)).await;
    let first = look(store, "ann").await;
    assert_eq!(accounted_until(store).await, first.now);
    // Within a minute it is not worth a write.
    let second = look(store, "ann").await;
    assert!(second.accounted_until > first.accounted_until);
    assert_eq!(accounted_until(store).await, first.now);
}

async fn a_clock_that_was_set_back_changes_nothing(database: Database) {
    let store = &database.store;
    let hourly = Hourly::missed_by(&database).await;
    let ahead = (Utc::now() + HOUR).trunc_subsecs(6);
    down_since(&database, ahead).await;
    let look = hourly.look(store, Policy::RunAll, TimeDelta::days(1)).await;
    assert_eq!((look.next, look.accounted_until), (Next::Nothing, ahead));
    assert_eq!(accounted_until(store).await, ahead);
}
