//! Pledges at the deadline: each counts, or is refused by the database, whoever writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::catalogue::{Funding, FundingStatus, Pledge};
use domain::settlement::Outcome;
use futures::future::join_all;
use sea_orm::{ConnectionTrait, TransactionTrait};
use store::Store;
use store::counting::Table;

use crate::catalogue::{funding, pledge, usd};
use crate::engines::{Database, on_both_engines, utc};
use crate::settlement::{DEADLINE, REWARD, settle};

on_both_engines!(
    what_races_with_the_settlement_counts_or_is_refused,
    a_pledge_that_is_being_written_is_waited_for,
    the_pledges_of_a_settled_funding_stay_whoever_writes,
    what_the_site_settled_itself_still_takes_its_pledges,
);

const LIMIT: Duration = Duration::from_secs(60);
/// Over for long, by every clock.
const PAST: &str = "2020-01-01T00:00:00Z";
const FUTURE: &str = "2199-01-01T00:00:00Z";

/// So many that at any moment some of them write; SQLite lets one after the other write.
fn writers(database: &Database) -> usize {
    if database.settings.url.starts_with("sqlite") {
        8
    } else {
        60
    }
}

/// Pledges once, and then raises that pledge and adds another in turns until the funding takes no more. What was
/// accepted, by backer.
async fn pledge_until_refused(store: Store, writer: usize, written: &AtomicU64) -> BTreeMap<String, i64> {
    let mut accepted = BTreeMap::new();
    let deadline = Instant::now() + LIMIT;
    for round in 0_i64.. {
        assert!(Instant::now() < deadline, "the settlement never came through");
        let backer = match round % 2 {
            0 => format!("w{writer}"),
            _ => format!("w{writer}-{round:06}"),
        };
        let amount = round + 1;
        match store.upsert_pledges(&[pledge("f1", &backer, amount)]).await {
            Ok(()) => {
                accepted.insert(backer, amount);
                written.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                assert!(error.refuses_rows(), "{error:?}");
                break;
            }
        }
    }
    accepted
}

async fn what_races_with_the_settlement_counts_or_is_refused(database: Database) {
    let store = &database.store;
    store.upsert_fundings(&[funding("f1", 1, PAST)]).await.unwrap();
    let written = AtomicU64::new(0);
    let mut stores = Vec::new();
    for _ in 0..writers(&database) {
        stores.push(database.another().await);
    }
    let rush = 10 * stores.len() as u64;
    let writers = stores
        .into_iter()
        .enumerate()
        .map(|(writer, store)| pledge_until_refused(store, writer, &written));
    let settling = async {
        while written.load(Ordering::Relaxed) < rush {
            tokio::task::yield_now().await;
        }
        settle(store, "f1").await
    };
    let (accepted, outcome) = tokio::join!(join_all(writers), settling);
    assert_eq!(outcome, Some(Outcome::Succeeded));

    let accepted: BTreeMap<String, i64> = accepted.into_iter().flatten().collect();
    assert_eq!(store.count(Table::Pledges).await.unwrap(), accepted.len() as u64);
    let told = store.outcome_readers("f1", None, 1_000_000).await.unwrap();
    let collected: i64 = accepted.values().sum();
    assert!(
        told.iter().all(|reader| reader.raised == usd(collected)),
        "{collected}"
    );
    let holders: BTreeSet<&str> = told
        .iter()
        .filter(|reader| reader.coupon.is_some())
        .map(|reader| reader.person.user_id.as_str())
        .collect();
    assert_eq!(holders, accepted.keys().map(String::as_str).collect());
    assert_eq!(store.count(Table::Coupons).await.unwrap(), holders.len() as u64);
}

async fn a_pledge_that_is_being_written_is_waited_for(database: Database) {
    let foreign = database.foreign().await;
    for (id, closes_at) in [("f1", PAST), ("f2", FUTURE)] {
        let store = database.store.clone();
        store.upsert_fundings(&[funding(id, 7, closes_at)]).await.unwrap();
        let writing = foreign.begin().await.unwrap();
        let insert =
            format!("INSERT INTO pledges (funding_id, user_id, amount_minor) VALUES ('{id}', 'slow', 7)");
        writing.execute_unprepared(&insert).await.unwrap();
        let mut settling = tokio::spawn(async move { store.settle(id, utc(FUTURE), &REWARD).await });
        let early = tokio::time::timeout(Duration::from_millis(200), &mut settling).await;
        assert!(
            early.is_err(),
            "settled over a pledge that is being written: {early:?}"
        );
        writing.commit().await.unwrap();
        assert_eq!(settling.await.unwrap().unwrap(), Some(Outcome::Succeeded));
    }
}

async fn the_pledges_of_a_settled_funding_stay_whoever_writes(database: Database) {
    let store = &database.store;
    store
        .upsert_fundings(&[funding("f1", 1, DEADLINE), funding("open", 1, DEADLINE)])
        .await
        .unwrap();
    let before = [
        pledge("f1", "ann", 60),
        pledge("f1", "bob", 40),
        pledge("open", "zoe", 1),
    ];
    store.upsert_pledges(&before).await.unwrap();
    settle(store, "f1").await.unwrap();

    // The site's file again: nothing in it is new.
    store.upsert_pledges(&before).await.unwrap();
    let refused = async |rows: &[Pledge]| {
        let error = store.upsert_pledges(rows).await.unwrap_err();
        assert!(error.refuses_rows(), "{error:?}");
        std::error::Error::source(&error).unwrap().to_string()
    };
    let reason = refused(&[pledge("f1", "late", 5)]).await;
    assert!(reason.contains("is settled"), "{reason}");
    refused(&[pledge("f1", "ann", 61)]).await;
    refused(&[pledge("open", "late", 5), pledge("f1", "late", 5)]).await;
    store.upsert_pledges(&[pledge("open", "zoe", 2)]).await.unwrap();

    let foreign = database.foreign().await;
    for statement in [
        "INSERT INTO pledges (funding_id, user_id, amount_minor) VALUES ('f1', 'late', 5)",
        "INSERT INTO pledges (funding_id, user_id, amount_minor) SELECT 'f1', 'late', 5 WHERE 1 = 1",
        "UPDATE pledges SET amount_minor = 1 WHERE user_id = 'ann'",
        "UPDATE pledges SET funding_id = 'f1' WHERE funding_id = 'open'",
        "UPDATE pledges SET funding_id = 'open' WHERE user_id = 'bob'",
        "UPDATE pledges SET user_id = 'eve' WHERE user_id = 'bob'",
        "DELETE FROM pledges",
    ] {
        let error = foreign.execute_unprepared(statement).await.unwrap_err();
        assert!(error.to_string().contains("is settled"), "{statement}: {error}");
    }
    let unchanged = "UPDATE pledges SET amount_minor = amount_minor WHERE funding_id = 'f1'";
    foreign.execute_unprepared(unchanged).await.unwrap();
    let of_open = "DELETE FROM pledges WHERE funding_id = 'open'";
    foreign.execute_unprepared(of_open).await.unwrap();
    assert_eq!(store.count(Table::Pledges).await.unwrap(), 2);
}

async fn what_the_site_settled_itself_still_takes_its_pledges(Database { store, .. }: Database) {
    let ended = |id: &str, status| Funding {
        status: Some(status),
        ..funding(id, 1, DEADLINE)
    };
    let rows = [
        ended("won", FundingStatus::Succeeded),
        ended("lost", FundingStatus::Failed),
        ended("withdrawn", FundingStatus::Cancelled),
    ];
    store.upsert_fundings(&rows).await.unwrap();
    for amount in [5, 6] {
        let history = ["won", "lost", "withdrawn", "unknown"].map(|id| pledge(id, "ann", amount));
        store.upsert_pledges(&history).await.unwrap();
    }
    assert_eq!(store.count(Table::Pledges).await.unwrap(), 4);
    assert_eq!(
        store
            .settle("won", utc("2027-01-01T00:00:00Z"), &REWARD)
            .await
            .unwrap(),
        None
    );
}
