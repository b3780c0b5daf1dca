use chrono::{DateTime, Datelike, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::catalogue::{Alert, User};
use domain::notice::AlertIdentity;
use domain::reminder::TimeOfDay;
use proto_schemas::UserId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::told::{coupon, envelope, user};
use crate::{Inbox, MAX_ALERTS, answer};

/// Runs each case on both engines, as `sqlite::CASE` and `postgres::CASE`.
macro_rules! on_both_engines {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case(crate::Inbox::start().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                if let Some(inbox) = crate::Inbox::start_on_postgres().await {
                    super::$case(inbox).await;
                }
            })+
        }
    };
}
pub(crate) use on_both_engines;

on_both_engines!(
    a_person_sets_reads_changes_and_deletes_an_alert,
    putting_an_alert_again_changes_nothing,
    an_alert_is_due_next_on_its_owners_clock_unless_it_has_its_own,
    a_day_that_was_told_of_is_not_foretold_again,
    alerts_come_in_pages,
    what_the_site_set_is_its_owners_too,
    a_person_may_have_so_many_alerts,
);

pub(crate) const ID: &str = "0b9f3c1e-5d0a-4c55-9d0e-2f6c1c9a7f10";

pub(crate) fn stretch() -> Value {
    json!({ "title": "Evening stretch", "at": "19:30" })
}

pub(crate) fn path(id: &str) -> String {
    format!("/v1/alerts/{id}")
}

/// The time of day that UTC's clock shows so many hours from now: no test may fail when its minute strikes.
fn in_hours(hours: i64) -> String {
    (Utc::now() + TimeDelta::hours(hours)).format("%H:%M").to_string()
}

/// The next instant at which a clock in the zone shows the time, on one of the days.
fn next(at: &str, zone: Tz, days: &[chrono::Weekday]) -> DateTime<Utc> {
    let now = Utc::now();
    let at: TimeOfDay = at.parse().unwrap();
    let dates = now.with_timezone(&zone).date_naive().iter_days();
    let mut due = dates
        .filter(|date| days.contains(&date.weekday()))
        .map(|date| at.instant_on(date, zone));
    due.find(|due| *due > now).unwrap()
}

const DAILY: [chrono::Weekday; 7] = {
    use chrono::Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
    [Mon, Tue, Wed, Thu, Fri, Sat, Sun]
};

fn instant(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

async fn live_in(inbox: &Inbox, user: &str, zone: Tz) {
    let user = User {
        id: UserId::new(user).unwrap(),
        locale: None,
        time_zone: Some(zone),
        email: None,
        phone: None,
    };
    inbox.store.upsert_users(&[user]).await.unwrap();
}

async fn a_person_sets_reads_changes_and_deletes_an_alert(inbox: Inbox) {
    let (at, later) = (in_hours(6), in_hours(14));
    let wanted = json!({
        "title": "Evening stretch", "content": "/lists/7", "at": at, "weekdays": ["fri", "mon"],
        "time_zone": "Asia/Seoul",
    });
    let request = inbox
        .request(Method::POST, "/v1/alerts")
        .bearer_auth(inbox.token("ann"));
    let response = request.json(&wanted).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let set: Value = response.json().await.unwrap();
    assert_eq!(location, path(set["id"].as_str().unwrap()));
    let seoul = chrono_tz::Asia::Seoul;
    let mondays_and_fridays = [chrono::Weekday::Mon, chrono::Weekday::Fri];
    let next_due_at = next(&at, seoul, &mondays_and_fridays);
    assert_eq!(
        set,
        json!({
            "id": set["id"], "title": "Evening stretch", "content": "/lists/7", "at": at,
            "weekdays": ["mon", "fri"], "time_zone": "Asia/Seoul", "created_at": set["created_at"],
            "next_due_at": next_due_at,
        })
    );
    assert!((Utc::now() - instant(&set["created_at"])).abs() < TimeDelta::minutes(1));
    assert_eq!(inbox.get("ann", &location).await, (StatusCode::OK, set.clone()));
    let (_, page) = inbox.get("ann", "/v1/alerts").await;
    assert_eq!(page, json!({ "alerts": [set], "next": null }));

    let change = async |change: Value| {
        let (status, alert) = inbox.ask("ann", Method::PATCH, &location, &change).await;
        assert_eq!(status, StatusCode::OK, "{change}: {alert}");
        assert_eq!(inbox.get("ann", &location).await.1, alert);
        alert
    };
    let mut expected = set;
    assert_eq!(change(json!({})).await, expected);
    expected["title"] = "Bend".into();
    expected["content"] = Value::Null;
    assert_eq!(
        change(json!({ "title": "Bend", "content": null })).await,
        expected
    );
    expected["at"] = later.as_str().into();
    expected["weekdays"] = json!(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]);
    expected["next_due_at"] = json!(next(&later, seoul, &DAILY));
    assert_eq!(change(json!({ "at": later, "weekdays": null })).await, expected);
    expected["time_zone"] = Value::Null;
    expected["next_due_at"] = json!(next(&later, Tz::UTC, &DAILY));
    assert_eq!(change(json!({ "time_zone": null })).await, expected);

    let delete = || inbox.ask("ann", Method::DELETE, &location, &Value::Null);
    assert_eq!(delete().await, (StatusCode::NO_CONTENT, Value::Null));
    assert_eq!(delete().await.0, StatusCode::NOT_FOUND);
    assert_eq!(inbox.get("ann", &location).await.0, StatusCode::NOT_FOUND);
}

async fn putting_an_alert_again_changes_nothing(inbox: Inbox) {
    let put = async |alert: &Value| inbox.ask("ann", Method::PUT, &path(ID), alert).await;
    let (status, set) = put(&stretch()).await;
    assert_eq!((status, &set["id"]), (StatusCode::CREATED, &json!(ID)));
    for _ in 0..2 {
        assert_eq!(put(&stretch()).await, (StatusCode::OK, set.clone()));
    }
    // What it does not name, it clears: it says the whole.
    let content = json!({ "title": "Bend", "content": "7", "at": "19:30", "weekdays": ["sun"] });
    assert_eq!(put(&content).await.1["content"], "7");
    let (_, replaced) = put(&stretch()).await;
    assert_eq!(replaced, set);
}

async fn an_alert_is_due_next_on_its_owners_clock_unless_it_has_its_own(inbox: Inbox) {
    let at = in_hours(6);
    let alert = json!({ "title": "Stretch", "at": at });
    inbox.ask("ann", Method::PUT, &path(ID), &alert).await;
    let next_due_at = async || instant(&inbox.get("ann", &path(ID)).await.1["next_due_at"]);
    assert_eq!(next_due_at().await, next(&at, Tz::UTC, &DAILY));
    for zone in [chrono_tz::Asia::Seoul, chrono_tz::America::New_York] {
        live_in(&inbox, "ann", zone).await;
        assert_eq!(next_due_at().await, next(&at, zone, &DAILY));
    }
    let own = json!({ "time_zone": "Africa/Lagos" });
    inbox.ask("ann", Method::PATCH, &path(ID), &own).await;
    live_in(&inbox, "ann", chrono_tz::Asia::Tokyo).await;
    assert_eq!(next_due_at().await, next(&at, chrono_tz::Africa::Lagos, &DAILY));
}

async fn a_day_that_was_told_of_is_not_foretold_again(inbox: Inbox) {
    let (at, later) = (in_hours(6), in_hours(6 + 2));
    let alert = json!({ "title": "Stretch", "at": at });
    let (_, set) = inbox.ask("ann", Method::PUT, &path(ID), &alert).await;
    let first = instant(&set["next_due_at"]);
    let identity = AlertIdentity {
        user_id: "ann",
        alert_id: ID,
        created_at: Some(instant(&set["created_at"])),
    };
    let mut told = envelope(coupon(1));
    told.id = identity.due_on(first.date_naive());
    inbox.tell(user("ann"), &told).await;
    inbox.until_projected().await;
    for at in [&at, &later] {
        let (_, alert) = inbox
            .ask("ann", Method::PATCH, &path(ID), &json!({ "at": at }))
            .await;
        let due = instant(&alert["next_due_at"]);
        assert_eq!(
            due.date_naive(),
            first.date_naive().succ_opt().unwrap(),
            "{alert}"
        );
    }
    // Set again, it is another alert.
    inbox.ask("ann", Method::DELETE, &path(ID), &Value::Null).await;
    let (_, again) = inbox.ask("ann", Method::PUT, &path(ID), &alert).await;
    assert_eq!(instant(&again["next_due_at"]), first);
}

/// A row of `lastcall import alerts`.
fn site_alert(id: &str, owner: &str) -> Alert {
    Alert {
        id: id.to_owned(),
        user_id: UserId::new(owner).unwrap(),
        title: "Look".to_owned(),
        content: None,
        at: "09:00".parse().unwrap(),
        weekdays: None,
        time_zone: None,
    }
}

async fn alerts_come_in_pages(inbox: Inbox) {
    let rows: Vec<Alert> = (0..5).map(|n| site_alert(&format!("a{n}"), "ann")).collect();
    inbox.store.upsert_alerts(&rows).await.unwrap();
    let mut after = String::new();
    let mut pages = Vec::new();
    loop {
        let (_, page) = inbox.get("ann", &format!("/v1/alerts?limit=2{after}")).await;
        let ids = page["alerts"].as_array().unwrap().iter();
        pages.push(
            ids.map(|alert| alert["id"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>(),
        );
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(pages, [vec!["a0", "a1"], vec!["a2", "a3"], vec!["a4"]]);
}

async fn what_the_site_set_is_its_owners_too(inbox: Inbox) {
    inbox
        .store
        .upsert_alerts(&[site_alert("lists/7", "ann")])
        .await
        .unwrap();
    let path = path("lists%2F7");
    let (status, alert) = inbox.get("ann", &path).await;
    assert_eq!((status, &alert["created_at"]), (StatusCode::OK, &Value::Null));
    let change = json!({ "at": "10:00" });
    assert_eq!(
        inbox.ask("ann", Method::PATCH, &path, &change).await.1["at"],
        "10:00"
    );
    let (status, replaced) = inbox.ask("ann", Method::PUT, &path, &stretch()).await;
    assert_eq!(
        (status, &replaced["title"]),
        (StatusCode::OK, &json!("Evening stretch"))
    );
    assert_eq!(
        inbox.ask("ann", Method::DELETE, &path, &Value::Null).await.0,
        StatusCode::NO_CONTENT
    );
    // An id that is no UUID is the site's to choose.
    assert_eq!(
        inbox.ask("ann", Method::PUT, &path, &stretch()).await.0,
        StatusCode::NOT_FOUND
    );
}

async fn a_person_may_have_so_many_alerts(inbox: Inbox) {
    let create =
        |user: &'static str| inbox.ask(user, Method::POST, "/v1/alerts", STRETCH.get_or_init(stretch));
    for _ in 0..MAX_ALERTS {
        assert_eq!(create("ann").await.0, StatusCode::CREATED);
    }
    let (status, problem) = create("ann").await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (StatusCode::CONFLICT, Some("urn:lastcall:problem:too-many-alerts"))
    );
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains(&MAX_ALERTS.to_string())
    );
    let put = inbox
        .request(Method::PUT, &path(ID))
        .bearer_auth(inbox.token("ann"));
    assert_eq!(answer(put.json(&stretch())).await.0, StatusCode::CONFLICT);
    assert_eq!(create("bob").await.0, StatusCode::CREATED);

    let (_, page) = inbox.get("ann", "/v1/alerts").await;
    let first = path(page["alerts"][0]["id"].as_str().unwrap());
    assert_eq!(
        inbox.ask("ann", Method::PUT, &first, &stretch()).await.0,
        StatusCode::OK
    );
    inbox.ask("ann", Method::DELETE, &first, &Value::Null).await;
    assert_eq!(create("ann").await.0, StatusCode::CREATED);
}

static STRETCH: std::sync::OnceLock<Value> = std::sync::OnceLock::new();
