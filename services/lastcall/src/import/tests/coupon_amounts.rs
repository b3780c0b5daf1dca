use domain::notice::AmountRow;
use store::due::Lookups;

use super::*;

#[tokio::test]
async fn a_coupon_says_what_it_is_worth_in_its_currency_or_the_default_one() {
    let place = Place::new().await;
    let text = "id,user_id,expires_on,amount,currency\n\
                c1,u1,2026-12-01,5000,KRW\n\
                c2,u1,2026-12-02,2.50,\n\
                c3,u1,2026-12-03,,EUR\n\
                c4,u1,2026-12-04,0.5,KRW\n\
                c5,u1,2026-12-05,5,wons\n";
    let summary = place.import(Kind::Coupons, "c.csv", text).await;
    assert_eq!((summary.accepted, summary.rejected), (3, 2));
    let columns: Vec<String> = rejected(&summary)
        .into_iter()
        .map(|(_, column, _)| column)
        .collect();
    assert_eq!(columns, ["amount", "currency"]);
    // A file that knows nothing of amounts takes none away.
    let text = "id,user_id,expires_on\nc1,u1,2026-12-01\n";
    place.import(Kind::Coupons, "again.csv", text).await;

    let always = DueWindow {
        after: DateTime::UNIX_EPOCH,
        until: DateTime::<Utc>::MAX_UTC,
    };
    let rows = place
        .store
        .coupons_expiring(&always, None, 10, &Lookups::default())
        .await
        .unwrap();
    let amounts: Vec<Option<AmountRow>> = rows.into_iter().map(|row| row.amount).collect();
    let amount = |minor_units, currency: &str| {
        Some(AmountRow {
            minor_units,
            currency: currency.to_owned(),
        })
    };
    assert_eq!(amounts, [amount(5000, "KRW"), amount(250, "USD"), None]);
}
