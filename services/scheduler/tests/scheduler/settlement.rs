//! Fundings past their deadline: one that is bad stops no other, and what was cut off is told whole.

use chrono::TimeDelta;
use domain::catalogue::{Follow, Funding, Pledge};
use proto_schemas::Event;
use scheduler::{Counts, Job};

use crate::{Setting, funding, nine, setting, usd, user};

fn follows(funding_id: &str, count: usize) -> Vec<Follow> {
    let follow = |n| Follow {
        funding_id: funding_id.to_owned(),
        user_id: user(&format!("u{n:02}")),
    };
    (0..count).map(follow).collect()
}

/// A funding that closed before [`nine`], with followers and no maker.
async fn closed(setting: &Setting, id: &str, followers: usize) {
    let closed = Funding {
        maker_id: None,
        ..funding(id, "100", nine() - TimeDelta::hours(1))
    };
    setting.store.upsert_fundings(&[closed]).await.unwrap();
    setting
        .store
        .upsert_follows(&follows(id, followers))
        .await
        .unwrap();
}

async fn told_of(setting: &Setting, id: &str) -> usize {
    let told = setting.told().await;
    let of = |event: &Event| matches!(event, Event::FundingSucceeded(e) if e.funding_id == id);
    told.iter().filter(|(_, event)| of(event)).count()
}

#[tokio::test]
async fn a_bad_funding_stops_no_other_and_is_named_by_every_run_until_it_is_mended() {
    let setting = setting(2).await;
    for id in ["a-good", "untold", "z-good"] {
        closed(&setting, id, 3).await;
    }
    let untold = |title: String| Funding {
        title,
        maker_id: None,
        ..funding("untold", "100", nine() - TimeDelta::hours(1))
    };
    let unsettled = Funding {
        raised: None,
        ..funding("unsettled", "0", nine() - TimeDelta::hours(1))
    };
    setting
        .store
        .upsert_fundings(&[untold("x".repeat(20_000)), unsettled])
        .await
        .unwrap();
    let pledge = |backer: &str, minor_units| {
        let mut amount = usd("0");
        amount.minor_units = minor_units;
        Pledge {
            funding_id: "unsettled".to_owned(),
            user_id: user(backer),
            amount,
        }
    };
    let pledges = [pledge("ann", i64::MAX), pledge("bob", i64::MAX)];
    setting.store.upsert_pledges(&pledges).await.unwrap();

    for (minute, emitted) in [(0, 6), (1, 0)] {
        let at = nine() + TimeDelta::minutes(minute);
        let counts = setting.run(Job::FundingSettlement, at).await;
        assert_eq!((counts.emitted, counts.skipped), (emitted, 2));
        let run = setting.stands(Job::FundingSettlement, at).await.unwrap();
        let failed = setting.store.failed_rows(run.id, None, 10).await.unwrap();
        let rows: Vec<&str> = failed.iter().map(|failed| failed.row.as_str()).collect();
        assert_eq!(rows, ["funding unsettled", "funding untold"]);
    }

    setting.store.upsert_pledges(&[pledge("bob", 0)]).await.unwrap();
    setting
        .store
        .upsert_fundings(&[untold("Short".to_owned())])
        .await
        .unwrap();
    let mended = setting
        .run(Job::FundingSettlement, nine() + TimeDelta::minutes(2))
        .await;
    // Three followers; the maker, and two backers with a coupon each.
    assert_eq!((mended.emitted, mended.skipped), (3 + 1 + 4, 0));
    assert_eq!(told_of(&setting, "untold").await, 3);
}

#[tokio::test]
async fn a_run_that_is_done_again_tells_of_the_same_fundings_and_of_nobody_twice() {
    let setting = setting(2).await;
    closed(&setting, "f1", 3).await;
    assert_eq!(setting.run(Job::FundingSettlement, nine()).await.emitted, 3);
    // Somebody whose row was missing, or bad and mended since.
    setting.store.upsert_follows(&follows("f1", 5)).await.unwrap();
    let again = setting.run(Job::FundingSettlement, nine()).await;
    let expected = Counts {
        read: 5,
        emitted: 2,
        already_emitted: 3,
        skipped: 0,
    };
    assert_eq!(again, expected);
    let next = setting
        .run(Job::FundingSettlement, nine() + TimeDelta::minutes(1))
        .await;
    assert_eq!(next, Counts::default());
}

#[tokio::test]
async fn a_funding_that_is_settled_in_front_of_where_a_run_was_cut_off_is_told_whole() {
    let setting = setting(2).await;
    closed(&setting, "m", 40).await;
    let (cut, mut reached) = tokio::sync::watch::channel(0);
    let job = Job::FundingSettlement;
    tokio::select! {
        _ = setting.engine.run(job, nine(), |progress| { cut.send_replace(progress.counts.read); }) => {
            panic!("the run was over before it was cut off");
        }
        _ = reached.wait_for(|read| *read >= 10) => {}
    }
    let run = setting.stands(job, nine()).await.unwrap();
    setting.store.release_leases(&run.owner.unwrap()).await.unwrap();
    closed(&setting, "a", 5).await;
    let counts = setting.run(job, nine()).await;
    setting.run(job, nine() + TimeDelta::minutes(1)).await;
    assert_eq!(counts.skipped, 0);
    assert_eq!(
        (told_of(&setting, "a").await, told_of(&setting, "m").await),
        (5, 40)
    );
}

#[tokio::test]
async fn a_dry_run_counts_and_shows_what_a_settlement_would_tell_and_settles_nothing() {
    let setting = setting(2).await;
    closed(&setting, "f1", 3).await;
    closed(&setting, "f2", 2).await;
    let pledge = Pledge {
        funding_id: "f1".to_owned(),
        user_id: user("u01"),
        amount: usd("1"),
    };
    setting.store.upsert_pledges(&[pledge]).await.unwrap();
    let title = "x".repeat(20_000);
    let bad = Funding {
        title,
        ..funding("f3", "100", nine() - TimeDelta::hours(1))
    };
    setting.store.upsert_fundings(&[bad]).await.unwrap();
    for _ in 0..2 {
        let dry = setting
            .engine
            .dry_run(Job::FundingSettlement, nine(), 4)
            .await
            .unwrap();
        assert_eq!((dry.read, dry.events, dry.skipped), (5, 6, 1), "{dry:?}");
        assert_eq!(dry.bad_rows[0].row, "funding f3");
        let subjects: Vec<String> = dry.samples.into_iter().map(|sample| sample.subject).collect();
        // Who backed it is told of a coupon too.
        let expected = ["u00", "u01", "u01", "u02"].map(|user| format!("evt.user.{user}"));
        assert_eq!(subjects, expected);
        assert!(setting.told().await.is_empty());
    }
    let counts = setting.run(Job::FundingSettlement, nine()).await;
    assert_eq!((counts.emitted, counts.skipped), (6, 1));
}
