use chrono_tz::Tz;
use domain::catalogue::User;
use proto_schemas::UserId;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::alerts::on_both_engines;
use crate::told::items;
use crate::{Inbox, answer};

on_both_engines!(
    a_person_says_what_arrives_silently,
    a_funding_is_muted_and_taken_back,
    quiet_hours_go_by_the_persons_clock_unless_they_name_one,
    preferences_are_replaced_only_if_they_are_those_the_client_knows,
);

const PATH: &str = "/v1/preferences";
const COUPONS: &str = "lastcall.coupon.expiring.v1";
const PUT: (Method, &str) = (Method::PUT, PATH);

fn none(cursor: &Value) -> Value {
    json!({ "types_off": [], "quiet_hours": null, "muted_fundings": [], "cursor": cursor })
}

impl Inbox {
    async fn put(&self, person: &str, body: Value) -> Value {
        let (status, answer) = self.ask(person, Method::PUT, PATH, &body).await;
        assert_eq!(status, StatusCode::OK, "{body}: {answer}");
        answer
    }

    async fn preferences_at(&self, person: &str, at_least: &Value) -> Value {
        let path = format!("{PATH}?at_least={}", at_least.as_str().unwrap());
        self.get(person, &path).await.1
    }
}

async fn a_person_says_what_arrives_silently(inbox: Inbox) {
    assert_eq!(inbox.get("ann", PATH).await, (StatusCode::OK, none(&Value::Null)));
    // To want everything is nothing new.
    assert_eq!(inbox.put("ann", json!({})).await, none(&json!(inbox.at(0))));

    let wanted = json!({
        "types_off": [COUPONS, COUPONS], "muted_fundings": ["f-lamp", "f-desk"],
        "quiet_hours": { "from": "22:00", "to": "07:00", "time_zone": "Asia/Seoul" },
    });
    let set = inbox.put("ann", wanted.clone()).await;
    assert_eq!(
        set,
        json!({
            "types_off": [COUPONS], "muted_fundings": ["f-desk", "f-lamp"],
            "quiet_hours": { "from": "22:00", "to": "07:00", "time_zone": "Asia/Seoul" }, "cursor": inbox.at(1),
        })
    );
    assert_eq!(inbox.preferences_at("ann", &set["cursor"]).await, set);
    assert_eq!(inbox.put("ann", wanted).await, set, "it is so already");
    inbox.tell_of_coupons("ann", 1).await;
    let (_, page) = inbox.get("ann", "/v1/notifications").await;
    assert_eq!(items(&page)[0]["silenced"], "type_off");
    assert_eq!(page["counts"], json!({ "unread": 1, "unseen": 1 }));
    // Bob is alerted of his.
    assert_eq!(
        inbox.preferences_at("bob", &set["cursor"]).await,
        none(&json!(inbox.at(2)))
    );
    inbox.tell_of_coupons("bob", 1).await;
    let (_, page) = inbox.get("bob", "/v1/notifications").await;
    assert_eq!(items(&page)[0]["silenced"], Value::Null);

    let cleared = inbox.put("ann", json!({ "quiet_hours": null })).await;
    assert_eq!(cleared, none(&json!(inbox.at(4))));
    assert_eq!(inbox.preferences_at("ann", &cleared["cursor"]).await, cleared);
}

async fn a_funding_is_muted_and_taken_back(inbox: Inbox) {
    let lamp = "/v1/preferences/muted-fundings/f%20l%2Famp";
    let ask = async |method: Method, path: &str| {
        let (status, answer) = inbox.ask("ann", method, path, &Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        (
            answer["muted_fundings"].clone(),
            answer["cursor"].as_str().unwrap().to_owned(),
        )
    };
    inbox.put("ann", json!({ "types_off": [COUPONS] })).await;
    assert_eq!(ask(Method::PUT, lamp).await, (json!(["f l/amp"]), inbox.at(2)));
    assert_eq!(ask(Method::PUT, lamp).await, (json!(["f l/amp"]), inbox.at(2)));
    let desk = "/v1/preferences/muted-fundings/desk";
    assert_eq!(
        ask(Method::PUT, desk).await,
        (json!(["desk", "f l/amp"]), inbox.at(3))
    );
    assert_eq!(ask(Method::DELETE, lamp).await, (json!(["desk"]), inbox.at(4)));
    assert_eq!(ask(Method::DELETE, lamp).await, (json!(["desk"]), inbox.at(4)));
    let (_, all) = inbox
        .get("ann", &format!("{PATH}?at_least={}", inbox.at(4)))
        .await;
    assert_eq!(
        (&all["types_off"], &all["muted_fundings"]),
        (&json!([COUPONS]), &json!(["desk"]))
    );

    // Sent again by its name, it does nothing again.
    let as_named = async |method: Method| inbox.ask_as("mute", "ann", (method, desk), &Value::Null).await;
    assert_eq!(as_named(Method::DELETE).await.1["cursor"], inbox.at(5));
    assert_eq!(ask(Method::PUT, desk).await, (json!(["desk"]), inbox.at(6)));
    assert_eq!(as_named(Method::DELETE).await.1["cursor"], inbox.at(5));
    assert_eq!(as_named(Method::PUT).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(inbox.log.bounds().await.unwrap().last_sequence, 6);
}

async fn quiet_hours_go_by_the_persons_clock_unless_they_name_one(inbox: Inbox) {
    let quiet = |zone: Option<&str>| {
        let mut hours = json!({ "from": "22:00", "to": "07:00" });
        if let Some(zone) = zone {
            hours["time_zone"] = zone.into();
        }
        json!({ "quiet_hours": hours })
    };
    let zone = async |body: Value| inbox.put("ann", body).await["quiet_hours"]["time_zone"].clone();
    assert_eq!(zone(quiet(None)).await, "UTC");
    let live_in = async |zone: Tz| {
        let user = User {
            id: UserId::new("ann").unwrap(),
            locale: None,
            time_zone: Some(zone),
            email: None,
            phone: None,
        };
        inbox.store.upsert_users(&[user]).await.unwrap();
    };
    live_in(chrono_tz::Asia::Seoul).await;
    let (_, named) = inbox.ask_as("k1", "ann", PUT, &quiet(None)).await;
    assert_eq!(named["quiet_hours"]["time_zone"], "Asia/Seoul");
    assert_eq!(zone(quiet(Some("Africa/Lagos"))).await, "Africa/Lagos");
    // She moved, and it is the same request.
    live_in(chrono_tz::America::New_York).await;
    assert_eq!(
        inbox.ask_as("k1", "ann", PUT, &quiet(None)).await,
        (StatusCode::OK, named)
    );
    assert_eq!(zone(quiet(None)).await, "America/New_York");
}

async fn preferences_are_replaced_only_if_they_are_those_the_client_knows(inbox: Inbox) {
    let put = async |condition: &str, key: &str, body: &Value| {
        let request = inbox.request(Method::PUT, PATH).bearer_auth(inbox.token("ann"));
        let request = request
            .header(header::IF_MATCH, condition)
            .header("idempotency-key", key);
        let response = request.json(body).send().await.unwrap();
        let status = response.status();
        let tag = response
            .headers()
            .get(header::ETAG)
            .map(|tag| tag.to_str().unwrap().to_owned());
        (status, tag, response.json::<Value>().await.unwrap())
    };
    let (first, second) = (
        json!({ "types_off": [COUPONS] }),
        json!({ "muted_fundings": ["f1"] }),
    );
    let (status, tag, problem) = put("\"1\"", "k0", &first).await;
    assert_eq!((status, tag), (StatusCode::PRECONDITION_FAILED, None));
    assert_eq!(problem["type"], "urn:lastcall:problem:precondition-failed");
    let made = put("\"0\"", "k1", &first).await;
    assert_eq!((made.0, made.1.as_deref()), (StatusCode::OK, Some("\"1\"")));
    assert_eq!(
        put("\"0\"", "k2", &second).await.0,
        StatusCode::PRECONDITION_FAILED
    );
    // Sent again, its condition is not judged again.
    assert_eq!(put("\"0\"", "k1", &first).await, made);
    assert_eq!(
        put("\"7\", \"1\"", "k3", &second).await.1.as_deref(),
        Some("\"2\"")
    );

    let read = async |known: &str| {
        let path = format!("{PATH}?at_least={}", inbox.at(2));
        let request = inbox.request(Method::GET, &path).bearer_auth(inbox.token("ann"));
        request.header(header::IF_NONE_MATCH, known).send().await.unwrap()
    };
    let response = read("\"1\"").await;
    assert_eq!(
        (response.status(), &response.headers()[header::ETAG]),
        (StatusCode::OK, &"\"2\"".parse().unwrap())
    );
    let response = read("\"2\"").await;
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(response.headers()["lastcall-cursor"], inbox.at(2).as_str());
}

#[tokio::test]
async fn preferences_that_make_no_sense_are_refused_by_their_name() {
    let inbox = Inbox::start().await;
    let hours = |from: Value, to: Value, zone: Value| json!({ "quiet_hours": { "from": from, "to": to, "time_zone": zone } });
    let many: Vec<_> = (0..1_001).map(|number| number.to_string()).collect();
    for (body, named) in [
        (json!({ "types_off": ["lastcall.coupon.lost.v1"] }), COUPONS),
        (
            json!({ "types_off": ["lastcall.preferences.changed.v1"] }),
            COUPONS,
        ),
        (json!({ "types_off": vec![COUPONS; 65] }), "types_off"),
        (json!({ "types_off": COUPONS }), "types_off"),
        (json!({ "muted_fundings": many }), "muted_fundings"),
        (json!({ "muted_fundings": [""] }), "muted_fundings"),
        (json!({ "muted_fundings": ["a\0"] }), "muted_fundings"),
        (json!({ "muted_fundings": ["x".repeat(129)] }), "muted_fundings"),
        (hours(json!("24:00"), json!("07:00"), json!("UTC")), "quiet_hours"),
        (hours(json!("22:00"), json!("22:00"), json!("UTC")), "quiet_hours"),
        (
            hours(json!("22:00"), json!("07:00"), json!("Mars/Phobos")),
            "quiet_hours",
        ),
        (hours(json!("22:00"), json!(null), json!("UTC")), "quiet_hours"),
        (json!({ "quiet_hours": { "from": "22:00" } }), "to"),
        (json!({ "types": [] }), "types"),
        (json!([]), "an object"),
    ] {
        let (status, problem) = inbox.ask("ann", Method::PUT, PATH, &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains(named),
            "{body}: {problem}"
        );
    }
    for id in ["%00", "%FF", &"x".repeat(129)] {
        let path = format!("{PATH}/muted-fundings/{id}");
        let (status, problem) = inbox.ask("ann", Method::PUT, &path, &Value::Null).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{id}: {problem}");
    }
    assert_eq!(inbox.log.bounds().await.unwrap().last_sequence, 0);
}

#[tokio::test]
async fn more_than_an_event_holds_is_refused_and_nothing_is_lost() {
    let inbox = Inbox::start().await;
    let ids: Vec<_> = (0..200).map(|number| format!("{number:0>100}")).collect();
    let (status, problem) = inbox
        .ask("ann", Method::PUT, PATH, &json!({ "muted_fundings": ids }))
        .await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("16384"), "{problem}");
    let short: Vec<_> = (0..1_000).map(|number| format!("f{number}")).collect();
    inbox.put("ann", json!({ "muted_fundings": short })).await;
    let path = format!("{PATH}/muted-fundings/one-more");
    let (status, problem) = inbox.ask("ann", Method::PUT, &path, &Value::Null).await;
    assert_eq!(
        (status, &problem["type"]),
        (
            StatusCode::CONFLICT,
            &json!("urn:lastcall:problem:too-many-muted-fundings")
        )
    );
    let path = format!("{PATH}/muted-fundings/f7");
    assert_eq!(
        inbox.ask("ann", Method::DELETE, &path, &Value::Null).await.0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn nobody_reads_or_changes_anothers_preferences() {
    let inbox = Inbox::start().await;
    let anns = inbox.put("ann", json!({ "muted_fundings": ["f1"] })).await;
    let bobs = inbox.put("bob", json!({ "muted_fundings": ["f2"] })).await;
    assert_eq!(bobs["muted_fundings"], json!(["f2"]));
    let (_, found) = inbox
        .get("ann", &format!("{PATH}?at_least={}", inbox.at(2)))
        .await;
    assert_eq!(
        (&found["muted_fundings"], &found["cursor"]),
        (&anns["muted_fundings"], &json!(inbox.at(2)))
    );
    for (method, path) in [
        (Method::GET, PATH),
        (Method::PUT, PATH),
        (Method::PUT, "/v1/preferences/muted-fundings/f1"),
        (Method::DELETE, "/v1/preferences/muted-fundings/f1"),
    ] {
        let request = inbox.request(method, path).bearer_auth("forged").json(&json!({}));
        assert_eq!(answer(request).await.0, StatusCode::UNAUTHORIZED);
    }
}
