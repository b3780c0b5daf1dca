//! Who is told what.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::catalogue::{Alert, Coupon, Follow, Funding, FundingStatus, Pledge, User};
use proto_schemas::Event;
use scheduler::{Counts, Job};

use crate::{coupon, funding, nine, setting, usd, user};

#[tokio::test]
async fn coupons_are_told_of_once_however_often_the_job_runs() {
    let setting = setting(100).await;
    let day = TimeDelta::days(1);
    let end_of_tomorrow = nine() + TimeDelta::hours(15) + day - TimeDelta::seconds(1);
    let due = (0..250).map(|n| coupon(n, end_of_tomorrow));
    let others = [
        coupon(900, nine()),
        coupon(901, end_of_tomorrow + TimeDelta::seconds(1)),
        Coupon {
            status: Some(domain::catalogue::CouponStatus::Used),
            ..coupon(902, end_of_tomorrow)
        },
    ];
    setting
        .store
        .upsert_coupons(&due.chain(others).collect::<Vec<_>>())
        .await
        .unwrap();

    let first = setting.run(Job::CouponExpiring, nine()).await;
    assert_eq!(
        first,
        Counts {
            read: 250,
            emitted: 250,
            already_emitted: 0,
            skipped: 0
        }
    );
    let again = setting.run(Job::CouponExpiring, nine()).await;
    assert_eq!(
        again,
        Counts {
            read: 250,
            emitted: 0,
            already_emitted: 250,
            skipped: 0
        }
    );
    let next_day = setting.run(Job::CouponExpiring, nine() + day).await;
    assert_eq!((next_day.emitted, next_day.already_emitted), (1, 250));
    assert_eq!(setting.told().await.len(), 251);
}

#[tokio::test]
async fn followers_of_open_fundings_that_close_are_told() {
    let setting = setting(2).await;
    let soon = nine() + TimeDelta::hours(30);
    let fundings = [
        funding("open", "0", soon),
        funding("later", "0", soon + TimeDelta::days(2)),
        Funding {
            status: Some(FundingStatus::Cancelled),
            ..funding("cancelled", "0", soon)
        },
    ];
    setting.store.upsert_fundings(&fundings).await.unwrap();
    let follows: Vec<_> = ["open", "later", "cancelled"]
        .iter()
        .flat_map(|id| {
            (0..5).map(|n| Follow {
                funding_id: (*id).to_owned(),
                user_id: user(&format!("u{n}")),
            })
        })
        .collect();
    setting.store.upsert_follows(&follows).await.unwrap();

    assert_eq!(setting.run(Job::FundingClosing, nine()).await.emitted, 5);
    for (_, event) in setting.told().await {
        assert!(matches!(event, Event::FundingClosing(closing) if closing.funding_id == "open"));
    }
}

#[tokio::test]
async fn everybody_concerned_is_told_the_outcome_once_in_their_first_role() {
    let setting = setting(3).await;
    let closed = nine() - TimeDelta::hours(1);
    setting
        .store
        .upsert_fundings(&[funding("won", "100", closed), funding("lost", "99.99", closed)])
        .await
        .unwrap();
    for funding_id in ["won", "lost"] {
        let pledge = |name: &str| Pledge {
            funding_id: funding_id.to_owned(),
            user_id: user(name),
            amount: usd("50"),
        };
        setting
            .store
            .upsert_pledges(&[pledge("backer"), pledge("both"), pledge("maker")])
            .await
            .unwrap();
        let follow = |name: &str| Follow {
            funding_id: funding_id.to_owned(),
            user_id: user(name),
        };
        setting
            .store
            .upsert_follows(&[follow("both"), follow("follower")])
            .await
            .unwrap();
    }

    let first = setting.run(Job::FundingSettlement, nine()).await;
    // Four people for each funding, and three of them backed the one that succeeded.
    assert_eq!((first.read, first.emitted), (8, 11));
    let again = setting
        .run(Job::FundingSettlement, nine() + TimeDelta::minutes(1))
        .await;
    assert_eq!(again, Counts::default());

    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (user, event) in setting.told().await {
        let what = match event {
            Event::FundingSucceeded(e) => format!("{} succeeded {}", e.funding_id, e.role().as_str_name()),
            Event::FundingFailed(e) => format!("{} failed {}", e.funding_id, e.role().as_str_name()),
            Event::CouponIssued(e) => format!("{} coupon", e.funding_id),
            other => panic!("{other:?}"),
        };
        told.entry(user).or_default().push(what);
    }
    let lines = |role: &str, coupon: bool| {
        let mut lines = vec![
            format!("lost failed FUNDING_ROLE_{role}"),
            format!("won succeeded FUNDING_ROLE_{role}"),
        ];
        lines.extend(coupon.then(|| "won coupon".to_owned()));
        lines
    };
    let expected = BTreeMap::from([
        ("backer".to_owned(), lines("BACKER", true)),
        ("both".to_owned(), lines("BACKER", true)),
        ("follower".to_owned(), lines("FOLLOWER", false)),
        ("maker".to_owned(), lines("MAKER", true)),
    ]);
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_settlement_that_was_cut_off_before_telling_is_healed_by_the_next_run() {
    let setting = setting(10).await;
    setting
        .store
        .upsert_fundings(&[funding("won", "100", nine() - TimeDelta::hours(1))])
        .await
        .unwrap();
    let reward = domain::settlement::Reward {
        validity: TimeDelta::days(90),
        amounts: Vec::new(),
    };
    setting.store.settle("won", nine(), &reward).await.unwrap();

    let healed = setting
        .run(Job::FundingSettlement, nine() + TimeDelta::minutes(1))
        .await;
    assert_eq!(healed.emitted, 1);
    assert!(matches!(&setting.told().await[..], [(user, Event::FundingSucceeded(_))] if user == "maker"));
}

#[tokio::test]
async fn a_reminder_fires_once_a_day_on_its_owners_clock_also_when_the_check_is_late() {
    let setting = setting(10).await;
    let zoned = |id: &str, zone: &str| User {
        id: user(id),
        locale: None,
        time_zone: Some(zone.parse().unwrap()),
        email: None,
        phone: None,
    };
    let users = [zoned("seoul", "Asia/Seoul"), zoned("lagos", "Africa/Lagos")];
    setting.store.upsert_users(&users).await.unwrap();
    let alert = |id: &str, owner: &str, at: &str| Alert {
        id: id.to_owned(),
        user_id: user(owner),
        title: "Stretch".to_owned(),
        content: None,
        at: at.parse().unwrap(),
        weekdays: None,
        time_zone: None,
    };
    // Nine in the morning in Seoul is one in the morning in Lagos.
    let alerts = [
        alert("a1", "seoul", "09:05"),
        alert("a2", "lagos", "01:05"),
        alert("a3", "lagos", "09:05"),
    ];
    setting.store.upsert_alerts(&alerts).await.unwrap();

    let minutes = |n| nine() + TimeDelta::minutes(n);
    assert_eq!(setting.run(Job::AlertDue, minutes(0)).await.emitted, 0);
    // The checks at ten and twenty past never ran.
    assert_eq!(setting.run(Job::AlertDue, minutes(30)).await.emitted, 2);
    assert_eq!(setting.run(Job::AlertDue, minutes(40)).await, Counts::default());
    let mut owners: Vec<_> = setting.told().await.into_iter().map(|(user, _)| user).collect();
    owners.sort();
    assert_eq!(owners, ["lagos", "seoul"]);
}
