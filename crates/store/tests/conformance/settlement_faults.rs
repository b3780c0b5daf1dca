//! Fundings that make no sense: each is told apart from a database that is away, and costs itself only.

use domain::catalogue::Coupon;
use domain::due::DueWindow;
use domain::notice::{AmountRow, BadRow};
use domain::settlement::{Outcome, Reward};
use sea_orm::ConnectionTrait;
use store::Store;
use store::counting::Table;
use store::due::Lookups;
use store::settlement::FundingError;

use crate::catalogue::{coupon, funding, pledge, usd};
use crate::engines::{Database, on_both_engines, utc};
use crate::settlement::{DEADLINE, REWARD, settle};

on_both_engines!(
    a_funding_in_no_currency_is_bad_until_it_is_mended,
    pledges_beyond_what_can_be_kept_make_a_funding_bad,
    a_title_that_fits_no_event_is_settled_and_not_told,
    a_backer_without_a_usable_id_gets_no_coupon_and_is_named,
    a_coupon_states_what_it_is_worth_and_keeps_it,
);

const AT: &str = "2026-11-01T00:01:00Z";

async fn bad_to_settle(store: &Store, id: &str) -> BadRow {
    match store.settle(id, utc(AT), &REWARD).await {
        Err(FundingError::Bad(row)) => row,
        other => panic!("{other:?}"),
    }
}

async fn a_funding_in_no_currency_is_bad_until_it_is_mended(database: Database) {
    let store = &database.store;
    store
        .upsert_fundings(&[funding("f1", 1, DEADLINE), funding("f2", 1, DEADLINE)])
        .await
        .unwrap();
    let foreign = database.foreign().await;
    let in_currency = async |code: &str| {
        let update = format!("UPDATE fundings SET currency = '{code}' WHERE id = 'f1'");
        foreign.execute_unprepared(&update).await.unwrap();
    };
    in_currency("ZZZ").await;
    let row = bad_to_settle(store, "f1").await;
    assert_eq!(row.row, "funding f1");
    assert!(row.reason.starts_with("currency: \"ZZZ\""), "{row}");
    assert_eq!(settle(store, "f2").await, Some(Outcome::Failed));
    assert_eq!(bad_to_settle(store, "f1").await, row, "it is still to be settled");
    in_currency("KRW").await;
    assert_eq!(settle(store, "f1").await, Some(Outcome::Failed));
    in_currency("ZZZ").await;
    let untold = store.outcome_readers("f1", None, 10).await;
    assert!(matches!(untold, Err(FundingError::Bad(told)) if told == row));
}

async fn pledges_beyond_what_can_be_kept_make_a_funding_bad(database: Database) {
    let store = &database.store;
    store
        .upsert_fundings(&[funding("f1", i64::MAX, DEADLINE)])
        .await
        .unwrap();
    let rows = [pledge("f1", "ann", i64::MAX), pledge("f1", "bob", i64::MAX)];
    store.upsert_pledges(&rows).await.unwrap();
    let row = bad_to_settle(store, "f1").await;
    assert_eq!(row.row, "funding f1");
    assert!(row.reason.contains("18446744073709551614"), "{row}");
    let take_back = "UPDATE pledges SET amount_minor = 0 WHERE user_id = 'bob'";
    database
        .foreign()
        .await
        .execute_unprepared(take_back)
        .await
        .unwrap();
    assert_eq!(
        settle(store, "f1").await,
        Some(Outcome::Succeeded),
        "to the last unit"
    );
}

async fn a_title_that_fits_no_event_is_settled_and_not_told(database: Database) {
    let store = &database.store;
    store
        .upsert_fundings(&[funding("f1", 1, DEADLINE)])
        .await
        .unwrap();
    store.upsert_pledges(&[pledge("f1", "ann", 1)]).await.unwrap();
    let foreign = database.foreign().await;
    let titled = async |title: String| {
        let update = format!("UPDATE fundings SET title = '{title}' WHERE id = 'f1'");
        foreign.execute_unprepared(&update).await.unwrap();
    };
    // Escaped in JSON, each of these takes six bytes.
    titled("\u{1}".repeat(1000)).await;
    assert_eq!(settle(store, "f1").await, Some(Outcome::Succeeded));
    match store.outcome_readers("f1", None, 10).await {
        Err(FundingError::Bad(row)) => {
            assert_eq!(row.row, "funding f1");
            assert!(row.reason.starts_with("title: takes 6002 bytes"), "{row}");
        }
        other => panic!("{other:?}"),
    }
    titled("ü".repeat(500)).await;
    assert_eq!(store.outcome_readers("f1", None, 10).await.unwrap().len(), 1);
}

async fn a_backer_without_a_usable_id_gets_no_coupon_and_is_named(database: Database) {
    let store = &database.store;
    store
        .upsert_fundings(&[funding("f1", 1, DEADLINE)])
        .await
        .unwrap();
    store.upsert_pledges(&[pledge("f1", "ann", 1)]).await.unwrap();
    let foreign = database.foreign().await;
    for id in [String::new(), "x".repeat(500)] {
        let insert =
            format!("INSERT INTO pledges (funding_id, user_id, amount_minor) VALUES ('f1', '{id}', 1)");
        foreign.execute_unprepared(&insert).await.unwrap();
    }
    assert_eq!(settle(store, "f1").await, Some(Outcome::Succeeded));
    assert_eq!(store.count(Table::Coupons).await.unwrap(), 1);
    let mut told = Vec::new();
    let mut last: Option<String> = None;
    loop {
        let page = store.outcome_readers("f1", last.as_deref(), 1).await.unwrap();
        let Some(reader) = page.last() else { break };
        last = Some(reader.person.user_id.clone());
        told.extend(page);
    }
    let named: Vec<Result<usize, String>> = told
        .iter()
        .map(|reader| {
            reader
                .notices()
                .map(|notices| notices.len())
                .map_err(|row| row.row)
        })
        .collect();
    let of = |id: &str| Err(format!("outcome of funding f1 for user {id}"));
    assert_eq!(named, [of(""), Ok(2), of(&"x".repeat(500))]);
}

async fn a_coupon_states_what_it_is_worth_and_keeps_it(database: Database) {
    let store = &database.store;
    let reward = Reward {
        amounts: vec![usd(500)],
        ..REWARD
    };
    store
        .upsert_fundings(&[funding("f1", 1, DEADLINE)])
        .await
        .unwrap();
    store.upsert_pledges(&[pledge("f1", "ann", 1)]).await.unwrap();
    store.settle("f1", utc(AT), &reward).await.unwrap();
    let stated = Some(AmountRow::from(usd(500)));
    let told = store.outcome_readers("f1", None, 10).await.unwrap().remove(0);
    let given = told.coupon.unwrap();
    assert_eq!(given.amount, stated);

    // The shop hands the coupon over again, and says nothing of its worth; another one never had any.
    let from_the_shop = [
        coupon(&given.coupon_id, "ann", "2026-12-01T00:00:00Z"),
        coupon("own", "ann", "2026-12-02T00:00:00Z"),
    ];
    store.upsert_coupons(&from_the_shop).await.unwrap();
    let worth = async || {
        let window = DueWindow {
            after: utc(DEADLINE),
            until: utc("2027-01-01T00:00:00Z"),
        };
        let rows = store
            .coupons_expiring(&window, None, 10, &Lookups::default())
            .await
            .unwrap();
        rows.into_iter().map(|row| row.amount).collect::<Vec<_>>()
    };
    assert_eq!(worth().await, [stated, None]);
    let [own] = [Coupon {
        amount: Some(usd(7)),
        ..from_the_shop[1].clone()
    }];
    store.upsert_coupons(&[own]).await.unwrap();
    assert_eq!(worth().await[1], Some(AmountRow::from(usd(7))));
}
