//! Rows that no event can be made of.

use chrono::TimeDelta;
use domain::catalogue::{Coupon, Follow, Funding};
use scheduler::{Counts, Job, RunError, Settings};
use store::job_runs::State;

use crate::{Setting, coupon, funding, jobs, nine, setting, user};

const COUPONS: usize = 100_000;
const POISONED: usize = 50;

#[tokio::test]
async fn a_row_that_makes_no_event_is_counted_and_the_others_go_on() {
    let setting = setting(100).await;
    let soon = nine() + TimeDelta::hours(3);
    setting
        .store
        .upsert_fundings(&[poison(), funding("short", "0", soon)])
        .await
        .unwrap();
    let follow = |funding_id: &str| Follow {
        funding_id: funding_id.to_owned(),
        user_id: user("u1"),
    };
    setting
        .store
        .upsert_follows(&[follow("poison"), follow("short")])
        .await
        .unwrap();

    let counts = setting.run(Job::FundingClosing, nine()).await;
    assert_eq!(
        counts,
        Counts {
            read: 2,
            emitted: 1,
            already_emitted: 0,
            skipped: 1
        }
    );
}

/// A funding whose title fits in no event.
fn poison() -> Funding {
    Funding {
        title: "x".repeat(20_000),
        ..funding("poison", "0", nine() + TimeDelta::hours(3))
    }
}

fn mended() -> Funding {
    funding("poison", "0", nine() + TimeDelta::hours(3))
}

/// Coupons of which every so many is of the poisoned funding.
async fn poisoned_coupons() -> Setting {
    let setting = setting(1_000).await;
    setting.store.upsert_fundings(&[poison()]).await.unwrap();
    let coupons: Vec<_> = (0..COUPONS)
        .map(|n| Coupon {
            funding_id: n.is_multiple_of(COUPONS / POISONED).then(|| "poison".to_owned()),
            ..coupon(n, nine() + TimeDelta::hours(20))
        })
        .collect();
    setting.store.upsert_coupons(&coupons).await.unwrap();
    setting
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_bad_rows_among_a_hundred_thousand_are_recorded_and_all_others_told_of() {
    let setting = poisoned_coupons().await;
    let counts = setting.run(Job::CouponExpiring, nine()).await;
    assert_eq!(
        counts,
        Counts {
            read: 100_000,
            emitted: 99_950,
            already_emitted: 0,
            skipped: 50
        }
    );
    assert_eq!(setting.log.bounds().await.unwrap().last_sequence, 99_950);
    let run = setting.stands(Job::CouponExpiring, nine()).await.unwrap();
    let failed = setting.store.failed_rows(run.id, None, 100).await.unwrap();
    assert_eq!(failed.len(), 50);
    for row in failed {
        assert!(row.row.starts_with("coupon/c"), "{row:?}");
        assert!(row.reason.contains("bytes"), "{row:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_bad_rows_than_the_limit_fail_the_run_and_mended_it_tells_of_every_row() {
    let setting = poisoned_coupons().await;
    let strict = setting.engine(Settings {
        skip_limit: 10,
        ..jobs(1_000)
    });
    let error = strict.run(Job::CouponExpiring, nine(), |_| ()).await.unwrap_err();
    assert!(
        matches!(
            error,
            RunError::TooManyBadRows {
                skipped: 11,
                limit: 10,
                ..
            }
        ),
        "{error}"
    );
    let run = setting.stands(Job::CouponExpiring, nine()).await.unwrap();
    assert_eq!(run.state, State::Failed);
    let failed = setting.store.failed_rows(run.id, None, 100).await.unwrap();
    assert_eq!(failed.len(), 11, "the row that passed the limit is named too");

    setting.store.upsert_fundings(&[mended()]).await.unwrap();
    let counts = strict.run(Job::CouponExpiring, nine(), |_| ()).await.unwrap();
    assert_eq!((counts.read, counts.skipped), (100_000, 0));
    assert_eq!(setting.log.bounds().await.unwrap().last_sequence, 100_000);
    assert_eq!(setting.store.failed_rows(run.id, None, 100).await.unwrap(), []);
}
