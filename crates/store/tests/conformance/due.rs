use std::sync::Arc;

use domain::catalogue::{Alert, Coupon, CouponStatus, Funding, FundingStatus};
use domain::due::DueWindow;
use domain::notice::{Habits, PersonRow};
use domain::reminder::minutes_due;
use store::Store;
use store::due::{AlertKey, CouponKey, FollowKey, Lookups};

use crate::catalogue::{coupon, follow, funding, person};
use crate::engines::{Database, on_both_engines, user, utc};

on_both_engines!(
    coupons_of_the_window_come_in_pages_of_one_order,
    a_coupon_comes_with_what_is_known_of_its_holder_and_funding,
    a_run_speaks_to_a_person_as_they_were_when_it_met_them,
    follows_come_in_pages_across_fundings,
    alerts_come_by_the_clock_of_their_owner,
    one_alert_is_due_on_two_days_of_one_window,
    ids_are_ordered_byte_by_byte,
    instants_are_kept_to_the_microsecond,
);

fn window(after: &str, until: &str) -> DueWindow {
    DueWindow {
        after: utc(after),
        until: utc(until),
    }
}

/// All rows of a reader, read in pages of `size` as a job does, with its key through JSON in between.
macro_rules! paged {
    ($key:ty, $size:expr, |$last:ident| $read:expr) => {{
        let mut rows = Vec::new();
        let mut json: Option<String> = None;
        loop {
            let key: Option<$key> = json.as_deref().map(|text| serde_json::from_str(text).unwrap());
            let $last = key.as_ref();
            let page = $read.await.unwrap();
            assert!(page.len() <= $size);
            let Some(newest) = page.last() else { break rows };
            json = Some(serde_json::to_string(&<$key>::from(newest)).unwrap());
            rows.extend(page);
        }
    }};
}

async fn expiring(store: &Store, window: &DueWindow, size: usize) -> Vec<String> {
    let lookups = Lookups::default();
    let rows = paged!(CouponKey, size, |last| store.coupons_expiring(
        window,
        last,
        size as u64,
        &lookups
    ));
    rows.into_iter().map(|row| row.coupon_id).collect()
}

async fn coupons_of_the_window_come_in_pages_of_one_order(Database { store, .. }: Database) {
    let mut rows = vec![
        coupon("at-the-start", "ann", "2026-11-21T00:00:00Z"),
        coupon("at-the-end", "ann", "2026-11-22T14:59:59Z"),
        coupon("after", "ann", "2026-11-22T15:00:00Z"),
        Coupon {
            status: Some(CouponStatus::Used),
            ..coupon("used", "ann", "2026-11-22T00:00:00Z")
        },
    ];
    // Many that expire in the same instant: only the id orders them.
    rows.extend((0..25).map(|n| coupon(&format!("c{n:02}"), "ann", "2026-11-22T00:00:00Z")));
    store.upsert_coupons(&rows).await.unwrap();
    let window = window("2026-11-21T00:00:00Z", "2026-11-22T14:59:59Z");
    let mut expected: Vec<String> = (0..25).map(|n| format!("c{n:02}")).collect();
    expected.push("at-the-end".to_owned());
    for size in [1, 7, 26, 100] {
        assert_eq!(expiring(&store, &window, size).await, expected, "pages of {size}");
    }
    let total = store.count_coupons_expiring(&window).await.unwrap();
    assert_eq!(total, expected.len() as u64);
}

async fn a_coupon_comes_with_what_is_known_of_its_holder_and_funding(Database { store, .. }: Database) {
    let of = |coupon: Coupon, funding: &str| Coupon {
        funding_id: Some(funding.to_owned()),
        ..coupon
    };
    let expires_at = "2026-11-22T00:00:00Z";
    store
        .upsert_users(&[person("ann", Some("ko-KR"), Some("Asia/Seoul"))])
        .await
        .unwrap();
    store
        .upsert_fundings(&[funding("f1", 100, "2026-11-01T00:00:00Z")])
        .await
        .unwrap();
    let rows = [
        of(coupon("c1", "ann", expires_at), "f1"),
        of(coupon("c2", "nobody", expires_at), "unknown"),
        coupon("c3", "ann", expires_at),
    ];
    store.upsert_coupons(&rows).await.unwrap();
    let window = window("2026-11-21T00:00:00Z", expires_at);
    let read = store
        .coupons_expiring(&window, None, 10, &Lookups::default())
        .await
        .unwrap();
    let titles: Vec<_> = read
        .iter()
        .map(|c| (c.funding_id.as_deref(), c.funding_title.as_deref()))
        .collect();
    assert_eq!(
        titles,
        [
            (Some("f1"), Some("Title of f1")),
            (Some("unknown"), None),
            (None, None)
        ]
    );
    let ann = PersonRow {
        user_id: "ann".to_owned(),
        habits: Habits::new(Some("ko-KR"), Some("Asia/Seoul")).into(),
    };
    assert_eq!(read[0].holder, ann);
    assert_eq!(
        read[1].holder,
        PersonRow {
            user_id: "nobody".to_owned(),
            habits: Arc::default(),
        }
    );
    assert_eq!(read[0].expires_at, utc(expires_at));
}

async fn a_run_speaks_to_a_person_as_they_were_when_it_met_them(Database { store, .. }: Database) {
    let speaks = |locale| person("ann", Some(locale), None);
    store.upsert_users(&[speaks("ko")]).await.unwrap();
    let holders = ["ann", "bob", "ann", "bob", "ann"];
    let coupons: Vec<_> = (1..)
        .zip(holders)
        .map(|(n, holder)| coupon(&format!("c{n}"), holder, "2026-11-22T00:00:00Z"))
        .collect();
    store.upsert_coupons(&coupons).await.unwrap();
    let window = window("2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z");
    let page = async |last: Option<&CouponKey>, lookups| {
        let rows = store.coupons_expiring(&window, last, 3, lookups).await.unwrap();
        let key = rows.last().map(CouponKey::from);
        let habits: Vec<_> = rows.into_iter().map(|row| row.holder.habits).collect();
        (habits, key)
    };
    let [untold, ko, en] = [None, Some("ko"), Some("en")].map(|tag| Arc::new(Habits::new(tag, None)));

    let run = Lookups::default();
    let (first, key) = page(None, &run).await;
    assert_eq!(first, [ko.clone(), untold.clone(), ko.clone()]);
    let changed = [speaks("en"), person("bob", Some("en"), None)];
    store.upsert_users(&changed).await.unwrap();
    assert_eq!(page(key.as_ref(), &run).await.0, [untold, ko]);
    let next_run = Lookups::default();
    assert_eq!(page(key.as_ref(), &next_run).await.0, [en.clone(), en]);
}

async fn follows_come_in_pages_across_fundings(Database { store, .. }: Database) {
    let closed = |row: Funding| Funding {
        status: Some(FundingStatus::Cancelled),
        ..row
    };
    let fundings = [
        funding("late", 100, "2026-11-22T12:00:00Z"),
        // Two that close in the same instant, and one in between that nobody follows.
        funding("b", 100, "2026-11-22T00:00:00Z"),
        funding("a", 100, "2026-11-22T00:00:00Z"),
        funding("alone", 100, "2026-11-22T06:00:00Z"),
        closed(funding("closed", 100, "2026-11-22T00:00:00Z")),
        funding("beyond", 100, "2026-11-23T00:00:00Z"),
    ];
    store.upsert_fundings(&fundings).await.unwrap();
    let followed = ["late", "a", "b", "closed", "beyond", "unknown"];
    let follows: Vec<_> = followed
        .iter()
        .flat_map(|f| (0..9).map(move |n| follow(f, &format!("u{n}"))))
        .collect();
    store.upsert_follows(&follows).await.unwrap();
    let window = window("2026-11-21T00:00:00Z", "2026-11-22T14:59:59Z");
    let expected: Vec<String> = ["a", "b", "late"]
        .iter()
        .flat_map(|f| (0..9).map(move |n| format!("{f}/u{n}")))
        .collect();
    for size in [1, 4, 9, 10, 100] {
        let rows = paged!(FollowKey, size, |last| store.follows_closing(
            &window,
            last,
            size as u64
        ));
        let read: Vec<String> = rows
            .iter()
            .map(|row| format!("{}/{}", row.funding_id, row.follower.user_id))
            .collect();
        assert_eq!(read, expected, "pages of {size}");
    }
    let total = store.count_follows_closing(&window).await.unwrap();
    assert_eq!(total, expected.len() as u64);
}

pub(crate) fn alert(id: &str, owner: &str, at: &str, weekdays: Option<&str>) -> Alert {
    Alert {
        id: id.to_owned(),
        user_id: user(owner),
        title: format!("Title of {id}"),
        content: None,
        at: at.parse().unwrap(),
        weekdays: weekdays.map(|days| days.parse().unwrap()),
        time_zone: None,
    }
}

async fn due(store: &Store, zone: &str, window: &DueWindow, size: usize) -> Vec<String> {
    let minutes = minutes_due(window, zone.parse().unwrap());
    let rows = paged!(AlertKey, size, |last| store.alerts_due(
        zone,
        &minutes,
        last,
        size as u64
    ));
    rows.iter()
        .map(|row| format!("{} {} {}", row.local_date, row.at, row.alert_id))
        .collect()
}

async fn alerts_come_by_the_clock_of_their_owner(Database { store, .. }: Database) {
    let users = [
        person("seoul", None, Some("Asia/Seoul")),
        person("silent", None, None),
    ];
    store.upsert_users(&users).await.unwrap();
    let alerts = [
        alert("s1", "seoul", "09:05", None),
        alert("s2", "seoul", "09:10", None),
        // 2026-11-21 is a Saturday.
        alert("s3", "seoul", "09:10", Some("sat")),
        alert("s4", "seoul", "09:10", Some("sun,fri")),
        alert("u1", "silent", "00:10", None),
        alert("u2", "stranger", "00:10", None),
        alert("u3", "stranger", "00:11", None),
    ];
    store.upsert_alerts(&alerts).await.unwrap();
    assert_eq!(store.time_zones_in_use().await.unwrap(), ["Asia/Seoul", "UTC"]);
    let window = window("2026-11-21T00:00:00Z", "2026-11-21T00:10:00Z");
    for size in [1, 2, 100] {
        let seoul = [
            "2026-11-21 09:05 s1",
            "2026-11-21 09:10 s2",
            "2026-11-21 09:10 s3",
        ];
        assert_eq!(due(&store, "Asia/Seoul", &window, size).await, seoul);
        assert_eq!(
            due(&store, "UTC", &window, size).await,
            ["2026-11-21 00:10 u1", "2026-11-21 00:10 u2"]
        );
    }
}

async fn one_alert_is_due_on_two_days_of_one_window(Database { store, .. }: Database) {
    let alerts = [
        alert("early", "ann", "00:30", None),
        alert("late", "ann", "23:30", None),
    ];
    store.upsert_alerts(&alerts).await.unwrap();
    let window = window("2026-11-20T23:00:00Z", "2026-11-22T00:00:00Z");
    for size in [1, 2, 100] {
        let expected = [
            "2026-11-20 23:30 late",
            "2026-11-21 00:30 early",
            "2026-11-21 23:30 late",
        ];
        assert_eq!(
            due(&store, "UTC", &window, size).await,
            expected,
            "pages of {size}"
        );
    }
}

async fn ids_are_ordered_byte_by_byte(Database { store, .. }: Database) {
    let ids = ["A", "B", "_", "a", "b", "é", "한"];
    let rows: Vec<_> = ids
        .iter()
        .map(|id| coupon(id, "ann", "2026-11-22T00:00:00Z"))
        .collect();
    store.upsert_coupons(&rows).await.unwrap();
    let window = window("2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z");
    for size in [1, 100] {
        assert_eq!(expiring(&store, &window, size).await, ids);
    }
}

async fn instants_are_kept_to_the_microsecond(Database { store, .. }: Database) {
    let rows = [
        coupon("c1", "ann", "2026-11-22T00:00:00Z"),
        coupon("c2", "ann", "2026-11-22T00:00:00.5Z"),
        coupon("c3", "ann", "2026-11-22T00:00:00.500001999Z"),
        coupon("c4", "ann", "2026-11-22T00:00:01Z"),
        coupon("c5", "ann", "2026-11-22T00:00:01.000001Z"),
    ];
    store.upsert_coupons(&rows).await.unwrap();
    let read = window("2026-11-21T23:59:59.999999Z", "2026-11-22T00:00:01Z");
    for size in [1, 100] {
        assert_eq!(expiring(&store, &read, size).await, ["c1", "c2", "c3", "c4"]);
    }
    let read = store
        .coupons_expiring(&read, None, 10, &Lookups::default())
        .await
        .unwrap();
    assert_eq!(read[2].expires_at, utc("2026-11-22T00:00:00.500001Z"));
    let finer = window("2026-11-22T00:00:00.500001500Z", "2026-11-22T00:00:01.000001999Z");
    assert_eq!(expiring(&store, &finer, 10).await, ["c4", "c5"]);
}
