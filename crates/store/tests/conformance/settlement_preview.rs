use chrono::TimeDelta;
use domain::catalogue::{Funding, FundingStatus};
use domain::settlement::{Outcome, Reward};
use sea_orm::ConnectionTrait;
use store::counting::Table;
use store::settlement::{FundingError, Preview};

use crate::catalogue::{follow, funding, person, pledge, usd};
use crate::engines::{Database, on_both_engines, user, utc};
use crate::settlement::{DEADLINE, REWARD};

on_both_engines!(
    a_preview_is_what_is_told_afterwards_and_changes_nothing,
    where_nothing_would_be_told_there_is_no_preview,
);

async fn a_preview_is_what_is_told_afterwards_and_changes_nothing(Database { store, .. }: Database) {
    let made = |id: &str, goal| Funding {
        maker_id: Some(user("maker")),
        ..funding(id, goal, DEADLINE)
    };
    store
        .upsert_fundings(&[made("won", 2), made("lost", 3)])
        .await
        .unwrap();
    store
        .upsert_users(&[person("both", Some("ko"), None)])
        .await
        .unwrap();
    for id in ["won", "lost"] {
        store
            .upsert_pledges(&[pledge(id, "both", 1), pledge(id, "maker", 1)])
            .await
            .unwrap();
        let followers = ["both", "maker", "aaa", "nnn"];
        store
            .upsert_follows(&followers.map(|who| follow(id, who)))
            .await
            .unwrap();
    }
    let at = utc("2026-11-01T00:01:00Z");
    let reward = Reward {
        amounts: vec![usd(500)],
        ..REWARD
    };
    for (id, outcome, coupons) in [("won", Outcome::Succeeded, 2), ("lost", Outcome::Failed, 0)] {
        let preview = async || {
            store
                .preview_settlement(id, at, &reward, 3)
                .await
                .unwrap()
                .unwrap()
        };
        let before = preview().await;
        assert_eq!(
            store.count(Table::Coupons).await.unwrap(),
            if id == "won" { 0 } else { 2 }
        );
        assert!(
            store.outcome_readers(id, None, 3).await.unwrap().is_empty(),
            "nothing is settled"
        );
        store.settle(id, at, &reward).await.unwrap();
        let expected = Preview {
            outcome,
            people: 4,
            coupons,
            first: store.outcome_readers(id, None, 3).await.unwrap(),
        };
        assert_eq!(before, expected);
        assert_eq!(
            preview().await,
            expected,
            "and of what is settled it is what was stored"
        );
    }
}

async fn where_nothing_would_be_told_there_is_no_preview(database: Database) {
    let store = &database.store;
    let withdrawn = Funding {
        status: Some(FundingStatus::Cancelled),
        ..funding("withdrawn", 1, DEADLINE)
    };
    store
        .upsert_fundings(&[funding("open", 1, DEADLINE), withdrawn])
        .await
        .unwrap();
    let preview = async |id: &str, at| store.preview_settlement(id, at, &REWARD, 3).await;
    let before = utc(DEADLINE) - TimeDelta::microseconds(1);
    assert_eq!(preview("open", before).await.unwrap(), None);
    assert_eq!(preview("withdrawn", utc(DEADLINE)).await.unwrap(), None);
    assert_eq!(preview("unknown", utc(DEADLINE)).await.unwrap(), None);
    let nobody = preview("open", utc(DEADLINE)).await.unwrap().unwrap();
    assert_eq!((nobody.people, nobody.first.len()), (0, 0));
    let update = "UPDATE fundings SET currency = 'ZZZ' WHERE id = 'open'";
    database.foreign().await.execute_unprepared(update).await.unwrap();
    assert!(matches!(
        preview("open", utc(DEADLINE)).await,
        Err(FundingError::Bad(row)) if row.row == "funding open"
    ));
}
