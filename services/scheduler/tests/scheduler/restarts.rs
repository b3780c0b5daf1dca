//! Runs that are cut off, and instants that are run again.

use std::sync::Mutex;
use std::time::Duration;

use chrono::TimeDelta;
use scheduler::{Job, RunError, Scheduler, Settings};
use store::job_runs::{Claim, Lease, State};
use test_support::lastcall::eventually;
use tokio_util::sync::CancellationToken;

use crate::{coupon, jobs, nine, schedule, setting};

#[tokio::test]
async fn a_run_that_was_cut_off_goes_on_from_its_checkpoint() {
    let setting = setting(50).await;
    let coupons: Vec<_> = (0..1000)
        .map(|n| coupon(n, nine() + TimeDelta::hours(20)))
        .collect();
    setting.store.upsert_coupons(&coupons).await.unwrap();

    // Dropping the future is what a killed process does to it.
    let (cut, mut reached) = tokio::sync::watch::channel(0);
    tokio::select! {
        _ = setting.engine.run(Job::CouponExpiring, nine(), |progress| { cut.send_replace(progress.counts.read); }) => {
            panic!("the run was over before it was cut off");
        }
        _ = reached.wait_for(|read| *read >= 200) => {}
    }
    // Its lease is not over, and this process is still there: another one would see that it is not.
    let owned = setting.engine.run(Job::CouponExpiring, nine(), |_| ()).await;
    let Err(RunError::Owned { owner, .. }) = owned else {
        panic!("taken from its owner: {owned:?}")
    };
    setting.store.release_leases(&owner).await.unwrap();
    let pages = Mutex::new(Vec::new());
    let counts = setting.engine.run(Job::CouponExpiring, nine(), |progress| {
        pages.lock().unwrap().push(progress.counts.read);
    });
    let counts = counts.await.unwrap();
    assert!(
        pages.lock().unwrap()[0] > 150,
        "began again: {:?}",
        pages.lock().unwrap()
    );
    assert_eq!(counts.read, 1000);
    let told = setting.told().await;
    assert_eq!(told.len(), 1000);
    let run = setting.stands(Job::CouponExpiring, nine()).await.unwrap();
    assert_eq!(run.state, State::Succeeded);
    assert_eq!(
        run.attempts
            .iter()
            .map(|attempt| attempt.state)
            .collect::<Vec<_>>(),
        [State::Abandoned, State::Succeeded]
    );
}

#[tokio::test]
async fn an_instant_beyond_the_duplicate_window_waits_for_the_table_that_knows_its_events() {
    let setting = setting(10).await;
    let old = nine() - TimeDelta::days(30);
    setting
        .store
        .upsert_coupons(&[coupon(1, old + TimeDelta::hours(20))])
        .await
        .unwrap();
    assert_eq!(setting.run(Job::CouponExpiring, old).await.emitted, 1);
    // The log has the event now and no projector has put it into the table.
    let error = setting
        .engine
        .run(Job::CouponExpiring, old, |_| ())
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            RunError::TableBehind {
                projected: 0,
                logged: 1,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn what_a_run_of_days_ago_may_have_told_is_looked_for_in_the_table_too() {
    let setting = setting(10).await;
    let far = Settings {
        coupon_expiring: scheduler::CouponExpiring {
            schedule: schedule("0 0 9 * * *"),
            lead_days: 7,
        },
        ..jobs(10)
    };
    let engine = setting.engine(far);
    setting
        .store
        .upsert_coupons(&[coupon(1, nine() + TimeDelta::days(6))])
        .await
        .unwrap();
    // An empty log has told nobody anything.
    assert_eq!(
        engine
            .run(Job::CouponExpiring, nine(), |_| ())
            .await
            .unwrap()
            .emitted,
        1
    );
    // The run of the day after finds the coupon again; four days on, the log would not recognise it.
    let error = engine
        .run(Job::CouponExpiring, nine() + TimeDelta::days(1), |_| ())
        .await
        .unwrap_err();
    assert!(matches!(error, RunError::TableBehind { .. }), "{error}");
}

#[tokio::test]
async fn a_run_that_waited_for_the_log_when_its_process_ended_is_finished_by_the_next() {
    let mut setting = setting(10).await;
    let coupons: Vec<_> = (0..50)
        .map(|n| coupon(n, nine() + TimeDelta::hours(20)))
        .collect();
    setting.store.upsert_coupons(&coupons).await.unwrap();
    setting.nats.kill().await;
    let stopped = setting.engine.run(Job::CouponExpiring, nine(), |_| ()).await;
    assert!(matches!(stopped, Err(RunError::Append(_))), "{stopped:?}");
    setting.nats.restart().await;

    let shutdown = CancellationToken::new();
    let running = tokio::spawn(Scheduler::new(setting.engine.clone()).run(shutdown.clone()));
    eventually("the next process finishes the run", || async {
        let run = setting.stands(Job::CouponExpiring, nine()).await;
        run.filter(|run| run.state == State::Succeeded)
    })
    .await;
    shutdown.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(setting.told().await.len(), 50);
}

#[tokio::test]
async fn a_run_that_the_log_fails_goes_on_by_itself_once_the_log_is_back() {
    let mut setting = setting(10).await;
    let coupons: Vec<_> = (0..50)
        .map(|n| coupon(n, nine() + TimeDelta::hours(20)))
        .collect();
    setting.store.upsert_coupons(&coupons).await.unwrap();
    // What a process leaves behind that was killed just now.
    let lease = Lease {
        owner: "elsewhere/7/0a0b0c0d/coupon-expiring".to_owned(),
        duration: Duration::from_millis(1),
    };
    let claim = setting
        .store
        .claim_run("coupon-expiring", nine(), &lease, &|at, _| at)
        .await
        .unwrap();
    assert!(matches!(claim, Claim::Claimed(_)), "{claim:?}");
    setting.nats.kill().await;

    let shutdown = CancellationToken::new();
    let scheduler = Scheduler::new(setting.engine.clone());
    let running = tokio::spawn(scheduler.run(shutdown.clone()));
    eventually("an attempt fails", || async {
        let run = setting.stands(Job::CouponExpiring, nine()).await;
        run.and_then(|run| run.error)
    })
    .await;
    setting.nats.restart().await;
    eventually("the run is done", || async {
        let run = setting.stands(Job::CouponExpiring, nine()).await;
        run.filter(|run| run.state == State::Succeeded)
    })
    .await;
    shutdown.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(setting.told().await.len(), 50);
}
