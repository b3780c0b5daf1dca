use chrono::TimeDelta;
use domain::catalogue::{Coupon, CouponStatus, Funding};
use domain::notice::Habits;
use domain::settlement::{Outcome, Reward, Role};
use futures::future::join_all;
use store::Store;
use store::counting::Table;
use store::due::Lookups;

use crate::catalogue::{coupon, follow, funding, person, pledge, usd};
use crate::engines::{Database, on_both_engines, user, utc};

on_both_engines!(
    a_funding_is_settled_by_its_pledges_or_by_what_the_site_says,
    before_its_deadline_nothing_is_settled,
    of_many_that_settle_at_once_one_does,
    every_backer_gets_one_coupon,
    everyone_concerned_is_told_once_in_the_first_of_their_roles,
    what_is_settled_is_announced_by_every_run_until_one_has_done_it,
    the_first_settlement_that_a_run_announces_is_known,
    fundings_past_their_deadline_come_in_pages,
);

pub(crate) const DEADLINE: &str = "2026-11-01T00:00:00Z";
pub(crate) const REWARD: Reward = Reward {
    validity: TimeDelta::days(30),
    amounts: Vec::new(),
};

pub(crate) async fn settle(store: &Store, id: &str) -> Option<Outcome> {
    store
        .settle(id, utc("2026-11-01T00:01:00Z"), &REWARD)
        .await
        .unwrap()
}

async fn a_funding_is_settled_by_its_pledges_or_by_what_the_site_says(Database { store, .. }: Database) {
    let says = |id: &str, raised| Funding {
        raised: Some(usd(raised)),
        ..funding(id, 100, DEADLINE)
    };
    let rows = [
        funding("met", 100, DEADLINE),
        funding("missed", 101, DEADLINE),
        says("site", 100),
        says("low", 99),
    ];
    store.upsert_fundings(&rows).await.unwrap();
    for id in ["met", "missed", "low"] {
        store
            .upsert_pledges(&[pledge(id, "ann", 60), pledge(id, "bob", 40)])
            .await
            .unwrap();
    }
    assert_eq!(settle(&store, "met").await, Some(Outcome::Succeeded));
    assert_eq!(settle(&store, "missed").await, Some(Outcome::Failed));
    assert_eq!(settle(&store, "site").await, Some(Outcome::Succeeded));
    assert_eq!(settle(&store, "low").await, Some(Outcome::Failed));
    assert_eq!(settle(&store, "unknown").await, None);
    assert_eq!(
        store.outcome_readers("low", None, 1).await.unwrap()[0].raised,
        usd(99)
    );
    assert_eq!(
        store.outcome_readers("missed", None, 1).await.unwrap()[0].raised,
        usd(100)
    );
}

async fn before_its_deadline_nothing_is_settled(Database { store, .. }: Database) {
    store
        .upsert_fundings(&[funding("f1", 0, DEADLINE)])
        .await
        .unwrap();
    let before = utc(DEADLINE) - TimeDelta::microseconds(1);
    assert_eq!(store.settle("f1", before, &REWARD).await.unwrap(), None);
    assert!(
        store
            .fundings_due_for_settlement(before, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        store.settle("f1", utc(DEADLINE), &REWARD).await.unwrap(),
        Some(Outcome::Succeeded)
    );
}

async fn of_many_that_settle_at_once_one_does(database: Database) {
    database
        .store
        .upsert_fundings(&[funding("f1", 10, DEADLINE)])
        .await
        .unwrap();
    database
        .store
        .upsert_pledges(&[pledge("f1", "ann", 10)])
        .await
        .unwrap();
    let stores = [
        database.another().await,
        database.another().await,
        database.another().await,
    ];
    let outcomes = join_all(stores.iter().cycle().take(12).map(|store| settle(store, "f1"))).await;
    assert_eq!(
        outcomes.into_iter().flatten().collect::<Vec<_>>(),
        [Outcome::Succeeded]
    );
    assert_eq!(database.store.count(Table::Coupons).await.unwrap(), 1);
}

async fn every_backer_gets_one_coupon(Database { store, .. }: Database) {
    store
        .upsert_fundings(&[funding("f1", 1, DEADLINE), funding("f2", 9_999, DEADLINE)])
        .await
        .unwrap();
    let backers: Vec<_> = (0..2500).map(|n| pledge("f1", &format!("u{n:04}"), 1)).collect();
    store.upsert_pledges(&backers).await.unwrap();
    store.upsert_pledges(&[pledge("f2", "u0000", 1)]).await.unwrap();
    // As an earlier, lost settlement may have left it, used in the meantime.
    let given = REWARD.coupon("f1", usd(0).currency, utc(DEADLINE), user("u0007"));
    store
        .upsert_coupons(&[Coupon {
            status: Some(CouponStatus::Used),
            ..given
        }])
        .await
        .unwrap();
    settle(&store, "f1").await.unwrap();
    settle(&store, "f2").await.unwrap();
    assert_eq!(store.count(Table::Coupons).await.unwrap(), 2500);
    let window = domain::due::DueWindow {
        after: utc(DEADLINE),
        until: utc("2026-12-01T00:00:00Z"),
    };
    assert_eq!(
        store
            .coupons_expiring(&window, None, 5000, &Lookups::default())
            .await
            .unwrap()
            .len(),
        2499
    );
}

async fn everyone_concerned_is_told_once_in_the_first_of_their_roles(Database { store, .. }: Database) {
    store
        .upsert_users(&[
            person("maker", Some("ko"), None),
            person("both", None, Some("Asia/Seoul")),
        ])
        .await
        .unwrap();
    let made = |id: &str, goal| Funding {
        maker_id: Some(user("maker")),
        ..funding(id, goal, DEADLINE)
    };
    store
        .upsert_fundings(&[made("won", 10), made("lost", 1000)])
        .await
        .unwrap();
    for id in ["won", "lost"] {
        store
            .upsert_pledges(&[
                pledge(id, "both", 9),
                pledge(id, "maker", 1),
                pledge(id, "zoe", 1),
            ])
            .await
            .unwrap();
        let followers = ["both", "maker", "aaa", "nnn"];
        store
            .upsert_follows(&followers.map(|who| follow(id, who)))
            .await
            .unwrap();
        // The shop's own coupon of that funding is not what the settlement gave.
        let own = coupon(&format!("own-{id}"), "both", "2027-01-01T00:00:00Z");
        store
            .upsert_coupons(&[Coupon {
                funding_id: Some(id.to_owned()),
                ..own
            }])
            .await
            .unwrap();
    }
    assert!(
        store.outcome_readers("won", None, 10).await.unwrap().is_empty(),
        "not settled yet"
    );
    settle(&store, "won").await.unwrap();
    settle(&store, "lost").await.unwrap();
    let roles = [
        ("aaa", Role::Follower),
        ("both", Role::Backer),
        ("maker", Role::Maker),
        ("nnn", Role::Follower),
        ("zoe", Role::Backer),
    ];
    for (id, outcome) in [("won", Outcome::Succeeded), ("lost", Outcome::Failed)] {
        for size in [1, 2, 3, 10] {
            let mut told = Vec::new();
            let mut last: Option<String> = None;
            loop {
                let page = store.outcome_readers(id, last.as_deref(), size).await.unwrap();
                let Some(newest) = page.last() else { break };
                last = Some(newest.person.user_id.clone());
                told.extend(page);
            }
            let read: Vec<_> = told.iter().map(|r| (r.person.user_id.as_str(), r.role)).collect();
            assert_eq!(read, roles, "{id}, pages of {size}");
            let coupons: Vec<_> = told
                .iter()
                .filter_map(|r| Some((r.person.user_id.as_str(), r.coupon.as_ref()?)))
                .collect();
            match outcome {
                Outcome::Succeeded => {
                    let holders: Vec<_> = coupons.iter().map(|(holder, _)| *holder).collect();
                    assert_eq!(holders, ["both", "maker", "zoe"]);
                    assert_eq!(
                        coupons[0].1.coupon_id,
                        REWARD.coupon(id, usd(0).currency, utc(DEADLINE), user("both")).id
                    );
                    assert_eq!(coupons[0].1.expires_at, utc(DEADLINE) + REWARD.validity);
                }
                Outcome::Failed => assert_eq!(coupons, []),
            }
            assert_eq!(*told[2].person.habits, Habits::new(Some("ko"), None));
            assert_eq!(*told[1].person.habits, Habits::new(None, Some("Asia/Seoul")));
            assert!(told.iter().all(|r| r.outcome == outcome && r.raised == usd(11)));
            assert_eq!(told[0].settled_at, utc("2026-11-01T00:01:00Z"));
        }
    }
}

async fn what_is_settled_is_announced_by_every_run_until_one_has_done_it(Database { store, .. }: Database) {
    let rows = ["f1", "f2", "f3", "open"].map(|id| funding(id, 1, DEADLINE));
    store.upsert_fundings(&rows).await.unwrap();
    for id in ["f1", "f2", "f3"] {
        settle(&store, id).await.unwrap();
    }
    let (this, next) = (utc("2026-11-01T00:01:00Z"), utc("2026-11-01T00:02:00Z"));
    let to_announce = async |run, last: Option<&str>| store.fundings_to_announce(run, last, 2).await.unwrap();
    assert_eq!(to_announce(next, None).await, ["f1", "f2"]);
    assert_eq!(to_announce(next, Some("f2")).await, ["f3"]);
    for id in ["f2", "open"] {
        store.mark_announced(id, this).await.unwrap();
        store.mark_announced(id, next).await.unwrap();
    }
    assert_eq!(to_announce(next, None).await, ["f1", "f3"]);
    assert_eq!(
        to_announce(this, None).await,
        ["f1", "f2"],
        "a run tells the same when it is done again"
    );
    assert_eq!(to_announce(this, Some("f2")).await, ["f3"]);
    assert!(settle(&store, "open").await.is_some());
    assert_eq!(to_announce(next, Some("f3")).await, ["open"]);
}

async fn the_first_settlement_that_a_run_announces_is_known(Database { store, .. }: Database) {
    let rows = ["early", "late"].map(|id| funding(id, 1, DEADLINE));
    store.upsert_fundings(&rows).await.unwrap();
    let (early, late) = (utc("2026-11-01T00:01:00Z"), utc("2026-11-02T00:01:00Z"));
    let first = async |run| store.first_settlement_to_announce(run).await.unwrap();
    assert_eq!(first(late).await, None);
    store.settle("late", late, &REWARD).await.unwrap();
    store.settle("early", early, &REWARD).await.unwrap();
    assert_eq!(first(late).await, Some(early));
    store.mark_announced("early", late).await.unwrap();
    assert_eq!(first(early).await, Some(late));
    assert_eq!(first(late).await, Some(early), "that run announced it");
}

async fn fundings_past_their_deadline_come_in_pages(Database { store, .. }: Database) {
    let rows: Vec<_> = (0..10)
        .map(|n| funding(&format!("f{}", 9 - n), 1, DEADLINE))
        .collect();
    store.upsert_fundings(&rows).await.unwrap();
    store
        .upsert_fundings(&[funding("z-first", 1, "2026-10-01T00:00:00Z")])
        .await
        .unwrap();
    let mut ids = Vec::new();
    let mut last = None;
    loop {
        let page = store
            .fundings_due_for_settlement(utc(DEADLINE), last.as_ref(), 3)
            .await
            .unwrap();
        let Some(newest) = page.last() else { break };
        last = Some(newest.clone());
        ids.extend(page.into_iter().map(|key| key.id));
    }
    let mut expected = vec!["z-first".to_owned()];
    expected.extend((0..10).map(|n| format!("f{n}")));
    assert_eq!(ids, expected);
}
