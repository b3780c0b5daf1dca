use domain::catalogue::{Alert, Coupon, CouponStatus, Follow, Funding, FundingStatus, Pledge, User};
use domain::due::DueWindow;
use domain::money::{Currency, Money};
use domain::settlement::Reward;
use store::counting::Table;
use store::due::Lookups;

use crate::engines::{Database, on_both_engines, user, utc};

on_both_engines!(
    writing_again_changes_nothing,
    what_a_row_does_not_say_stays_as_it_is,
    several_rows_of_one_key_are_as_if_written_one_by_one,
    a_raised_amount_is_not_carried_into_another_currency,
    what_lastcall_settled_stays_settled_as_it_was,
    more_rows_than_one_statement_binds_are_written,
    a_value_that_cannot_be_kept_is_told_from_a_failure,
);

pub(crate) fn usd(minor_units: i64) -> Money {
    Money {
        currency: "USD".parse().unwrap(),
        minor_units,
    }
}

pub(crate) fn funding(id: &str, goal: i64, closes_at: &str) -> Funding {
    Funding {
        id: id.to_owned(),
        title: format!("Title of {id}"),
        goal: usd(goal),
        raised: None,
        closes_at: utc(closes_at),
        status: None,
        maker_id: None,
    }
}

pub(crate) fn coupon(id: &str, holder: &str, expires_at: &str) -> Coupon {
    Coupon {
        id: id.to_owned(),
        user_id: user(holder),
        funding_id: None,
        expires_at: utc(expires_at),
        status: None,
        amount: None,
    }
}

pub(crate) fn follow(funding: &str, who: &str) -> Follow {
    Follow {
        funding_id: funding.to_owned(),
        user_id: user(who),
    }
}

pub(crate) fn pledge(funding: &str, who: &str, minor_units: i64) -> Pledge {
    Pledge {
        funding_id: funding.to_owned(),
        user_id: user(who),
        amount: usd(minor_units),
    }
}

pub(crate) fn person(id: &str, locale: Option<&str>, zone: Option<&str>) -> User {
    User {
        id: user(id),
        locale: locale.map(|tag| tag.parse().unwrap()),
        time_zone: zone.map(|name| name.parse().unwrap()),
        email: None,
        phone: None,
    }
}

const ALWAYS: DueWindow = DueWindow {
    after: chrono::DateTime::UNIX_EPOCH,
    until: chrono::DateTime::<chrono::Utc>::MAX_UTC,
};

async fn writing_again_changes_nothing(Database { store, .. }: Database) {
    let alert = Alert {
        id: "a1".to_owned(),
        user_id: user("ann"),
        title: "Look".to_owned(),
        content: None,
        at: "09:00".parse().unwrap(),
        weekdays: Some("mon".parse().unwrap()),
        time_zone: None,
    };
    for _ in 0..2 {
        store.upsert_users(&[person("ann", None, None)]).await.unwrap();
        store
            .upsert_fundings(&[funding("f1", 100, "2026-12-01T00:00:00Z")])
            .await
            .unwrap();
        store.upsert_pledges(&[pledge("f1", "ann", 5)]).await.unwrap();
        store.upsert_follows(&[follow("f1", "ann")]).await.unwrap();
        store
            .upsert_coupons(&[coupon("c1", "ann", "2026-12-01T00:00:00Z")])
            .await
            .unwrap();
        store.upsert_alerts(std::slice::from_ref(&alert)).await.unwrap();
    }
    let tables = [
        Table::Users,
        Table::Fundings,
        Table::Pledges,
        Table::Follows,
        Table::Coupons,
        Table::Alerts,
    ];
    for table in tables {
        assert_eq!(store.count(table).await.unwrap(), 1, "{table:?}");
    }
}

async fn what_a_row_does_not_say_stays_as_it_is(Database { store, .. }: Database) {
    store
        .upsert_users(&[person("ann", Some("ko-KR"), Some("Asia/Seoul"))])
        .await
        .unwrap();
    store.upsert_users(&[person("ann", None, None)]).await.unwrap();
    let ann = &store.list_users(10).await.unwrap()[0];
    assert_eq!(
        (ann.locale.as_deref(), ann.time_zone.as_deref()),
        (Some("ko-KR"), Some("Asia/Seoul"))
    );

    let used = Coupon {
        status: Some(CouponStatus::Used),
        ..coupon("c1", "ann", "2026-12-01T00:00:00Z")
    };
    store
        .upsert_coupons(&[used, coupon("c2", "ann", "2026-12-01T00:00:00Z")])
        .await
        .unwrap();
    store
        .upsert_coupons(&[coupon("c1", "ann", "2026-12-02T00:00:00Z")])
        .await
        .unwrap();
    let active = store
        .coupons_expiring(&ALWAYS, None, 10, &Lookups::default())
        .await
        .unwrap();
    assert_eq!(
        active.iter().map(|c| c.coupon_id.as_str()).collect::<Vec<_>>(),
        ["c2"]
    );

    let cancelled = Funding {
        status: Some(FundingStatus::Cancelled),
        ..funding("f1", 100, "2026-11-01T00:00:00Z")
    };
    store
        .upsert_fundings(&[cancelled, funding("f2", 100, "2026-11-01T00:00:00Z")])
        .await
        .unwrap();
    store
        .upsert_fundings(&[funding("f1", 100, "2026-11-01T00:00:00Z")])
        .await
        .unwrap();
    let due = store
        .fundings_due_for_settlement(utc("2026-12-01T00:00:00Z"), None, 10)
        .await
        .unwrap();
    assert_eq!(due.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), ["f2"]);
}

async fn several_rows_of_one_key_are_as_if_written_one_by_one(Database { store, .. }: Database) {
    let rows = [
        person("ann", Some("ko"), None),
        person("bob", Some("en"), None),
        person("ann", None, Some("Asia/Seoul")),
        person("bob", Some("de"), None),
    ];
    store.upsert_users(&rows).await.unwrap();
    let users = store.list_users(10).await.unwrap();
    assert_eq!(
        (users[0].locale.as_deref(), users[0].time_zone.as_deref()),
        (Some("ko"), Some("Asia/Seoul"))
    );
    assert_eq!(users[1].locale.as_deref(), Some("de"));

    let used = Coupon {
        status: Some(CouponStatus::Used),
        ..coupon("c1", "ann", "2026-12-01T00:00:00Z")
    };
    store
        .upsert_coupons(&[used, coupon("c1", "ann", "2026-12-02T00:00:00Z")])
        .await
        .unwrap();
    assert!(
        store
            .coupons_expiring(&ALWAYS, None, 10, &Lookups::default())
            .await
            .unwrap()
            .is_empty()
    );

    store
        .upsert_pledges(&[pledge("f1", "ann", 5), pledge("f1", "ann", 7)])
        .await
        .unwrap();
    let raised = settled_amount(&store, funding("f1", 1, "2026-11-01T00:00:00Z")).await;
    assert_eq!(raised, 7);
}

/// Settles the funding and says what counted.
async fn settled_amount(store: &store::Store, funding: Funding) -> i64 {
    let maker = Funding {
        maker_id: Some(user("maker")),
        ..funding
    };
    store.upsert_fundings(std::slice::from_ref(&maker)).await.unwrap();
    let reward = Reward {
        validity: chrono::TimeDelta::days(1),
        amounts: Vec::new(),
    };
    store
        .settle(&maker.id, utc("2026-12-01T00:00:00Z"), &reward)
        .await
        .unwrap()
        .unwrap();
    store.outcome_readers(&maker.id, None, 10).await.unwrap()[0]
        .raised
        .minor_units
}

async fn a_raised_amount_is_not_carried_into_another_currency(Database { store, .. }: Database) {
    let closes_at = "2026-11-01T00:00:00Z";
    let raised = Funding {
        raised: Some(usd(500)),
        ..funding("f1", 100, closes_at)
    };
    let krw: Currency = "KRW".parse().unwrap();
    let won = Funding {
        goal: Money {
            currency: krw,
            minor_units: 10,
        },
        ..funding("f1", 100, closes_at)
    };
    store
        .upsert_fundings(std::slice::from_ref(&raised))
        .await
        .unwrap();
    assert_eq!(settled_amount(&store, won.clone()).await, 0);
    let again = |row: Funding| Funding {
        id: "f2".to_owned(),
        ..row
    };
    store
        .upsert_fundings(&[again(raised.clone()), again(won)])
        .await
        .unwrap();
    assert_eq!(
        settled_amount(&store, again(funding("f2", 100, closes_at))).await,
        0
    );
    store
        .upsert_fundings(&[Funding {
            id: "f3".to_owned(),
            ..raised
        }])
        .await
        .unwrap();
    assert_eq!(settled_amount(&store, funding("f3", 100, closes_at)).await, 500);
    let currencies = store
        .currencies_of(&["f1".to_owned(), "f3".to_owned(), "f9".to_owned()])
        .await
        .unwrap();
    assert_eq!(currencies.len(), 2);
    assert_eq!((currencies["f1"].code(), currencies["f3"].code()), ("KRW", "USD"));
}

async fn what_lastcall_settled_stays_settled_as_it_was(Database { store, .. }: Database) {
    let raised = Funding {
        raised: Some(usd(500)),
        ..funding("f1", 100, "2026-11-01T00:00:00Z")
    };
    assert_eq!(settled_amount(&store, raised).await, 500);
    let told = store.outcome_readers("f1", None, 10).await.unwrap();
    let otherwise = Funding {
        title: "New title".to_owned(),
        raised: Some(usd(1)),
        status: Some(FundingStatus::Open),
        ..funding("f1", 999, "2027-01-01T00:00:00Z")
    };
    store.upsert_fundings(&[otherwise]).await.unwrap();
    assert!(
        store
            .fundings_due_for_settlement(ALWAYS.until, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let mut expected = told.clone();
    expected[0].funding_title = "New title".to_owned();
    assert_eq!(store.outcome_readers("f1", None, 10).await.unwrap(), expected);
}

async fn more_rows_than_one_statement_binds_are_written(Database { store, .. }: Database) {
    let fundings: Vec<Funding> = (0..12_345)
        .map(|n| funding(&format!("f{n}"), 100, "2026-11-01T00:00:00Z"))
        .collect();
    store.upsert_fundings(&fundings).await.unwrap();
    assert_eq!(store.count(Table::Fundings).await.unwrap(), 12_345);
    let ids: Vec<String> = fundings.iter().map(|f| f.id.clone()).collect();
    assert_eq!(store.currencies_of(&ids).await.unwrap().len(), 12_345);
}

async fn a_value_that_cannot_be_kept_is_told_from_a_failure(database: Database) {
    let bad = Coupon {
        funding_id: Some("f\0".to_owned()),
        ..coupon("c1", "ann", "2026-12-01T00:00:00Z")
    };
    match database
        .store
        .upsert_coupons(&[coupon("c2", "ann", "2026-12-01T00:00:00Z"), bad])
        .await
    {
        // PostgreSQL keeps no NUL; SQLite does.
        Err(error) => {
            assert!(error.refuses_rows(), "{error:?}");
            assert_eq!(database.store.count(Table::Coupons).await.unwrap(), 0);
        }
        Ok(()) => assert!(database.settings.url.starts_with("sqlite")),
    }
}
