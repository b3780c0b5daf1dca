use std::time::Duration;

use chrono::{TimeDelta, Utc};
use proto_schemas::Recipient;
use proto_schemas::events::v1::AlertDue;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::alerts::on_both_engines;
use crate::told::{announcement, coupon, each, envelope, items, user, words};
use crate::{Inbox, serve};

on_both_engines!(
    pages_are_newest_first_and_stay_put_while_new_rows_arrive,
    everybody_sees_announcements_and_nobody_anothers_notifications,
    a_list_is_narrowed_by_state_type_and_age_and_counts_are_of_all,
);

async fn pages_are_newest_first_and_stay_put_while_new_rows_arrive(inbox: Inbox) {
    inbox.tell_of_coupons("u1", 3).await;
    inbox
        .tell(
            Recipient::Everybody,
            &envelope(announcement(vec![words("en", "News")])),
        )
        .await;
    inbox.tell_of_coupons("u1", 1).await;
    let (_, page) = inbox.get("u1", "/v1/notifications?limit=2").await;
    assert_eq!(page["cursor"], inbox.at(5));
    assert_eq!(page["counts"], json!({ "unread": 5, "unseen": 5 }));
    let next = page["next"].as_str().unwrap().to_owned();

    inbox.tell_of_coupons("u1", 4).await;
    let (_, second) = inbox
        .get("u1", &format!("/v1/notifications?limit=2&before={next}"))
        .await;
    assert_eq!(each(&second, "cursor"), [inbox.at(3), inbox.at(2)]);
    let before = second["next"].as_str().unwrap();
    let (_, last) = inbox
        .get("u1", &format!("/v1/notifications?limit=2&before={before}"))
        .await;
    assert_eq!(items(&last).len(), 1);
    assert!(last["next"].is_null());
    let (_, all) = inbox.get("u1", "/v1/notifications").await;
    let newest_first: Vec<_> = (1..=9).rev().map(|sequence| inbox.at(sequence)).collect();
    assert_eq!(each(&all, "cursor"), newest_first);
    assert_eq!(all["counts"], json!({ "unread": 9, "unseen": 9 }));
}

async fn everybody_sees_announcements_and_nobody_anothers_notifications(inbox: Inbox) {
    inbox.tell_of_coupons("u1", 2).await;
    inbox
        .tell(
            Recipient::Everybody,
            &envelope(announcement(vec![words("en", "News")])),
        )
        .await;
    inbox.until_projected().await;
    let before = inbox.at(99);
    let (_, page) = inbox
        .get("u2", &format!("/v1/notifications?before={before}"))
        .await;
    assert_eq!(each(&page, "cursor"), [inbox.at(3)]);
    assert_eq!(
        (&items(&page)[0]["audience"], &items(&page)[0]["link"]),
        (&json!("everybody"), &json!("/news/1"))
    );
    for (person, unread) in [("u1", 3), ("u2", 1)] {
        let (_, count) = inbox.get(person, "/v1/notifications/unread-count").await;
        assert_eq!(
            count,
            json!({ "unread": unread, "unseen": unread, "cursor": inbox.at(3) })
        );
        let (_, exists) = inbox.get(person, "/v1/notifications/exists").await;
        assert_eq!(exists, json!({ "exists": true, "cursor": inbox.at(3) }));
    }
}

async fn a_list_is_narrowed_by_state_type_and_age_and_counts_are_of_all(inbox: Inbox) {
    let ids = inbox.tell_of_coupons("u1", 2).await;
    let mut fresh = envelope(coupon(7));
    fresh.time = Utc::now() - TimeDelta::minutes(30);
    inbox.tell(user("u1"), &fresh).await;
    let alert = AlertDue {
        alert_id: "a7".to_owned(),
        words: Some(words("en", "Stretch")),
        ..AlertDue::default()
    };
    let alert = envelope(alert.into());
    inbox.tell(user("u1"), &alert).await;
    let change = json!({ "change": "read", "ids": [ids[0]] });
    let (_, read) = inbox
        .ask("u1", Method::POST, "/v1/notifications/state", &change)
        .await;
    let change = json!({ "change": "archived", "ids": [ids[1]] });
    let (_, archived) = inbox
        .ask("u1", Method::POST, "/v1/notifications/state", &change)
        .await;
    assert_eq!(
        (&read["changed"], &archived["changed"]),
        (&json!(true), &json!(true))
    );
    let at_least = archived["cursor"].as_str().unwrap();
    let listed = async |filter: &str| {
        let path = format!("/v1/notifications?at_least={at_least}&{filter}");
        let (status, page) = inbox.get("u1", &path).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        assert_eq!(page["counts"], json!({ "unread": 2, "unseen": 2 }), "{filter}");
        let found = each(&page, "id").into_iter().map(str::to_owned);
        found.collect::<Vec<_>>()
    };
    let ids = [ids[0], ids[1], fresh.id, alert.id].map(|id| id.to_string());
    let [first, second, fresh, alert] = ids.each_ref().map(String::as_str);
    let since = (Utc::now() - TimeDelta::hours(1))
        .to_rfc3339()
        .replace('+', "%2B");
    for (filter, found) in [
        ("", &[alert, fresh, first][..]),
        ("state=inbox", &[alert, fresh, first]),
        ("state=unread", &[alert, fresh]),
        ("state=unseen", &[alert, fresh]),
        ("state=read", &[first]),
        ("state=archived", &[second]),
        ("state=all", &[alert, fresh, second, first]),
        ("type=lastcall.alert.due.v1", &[alert]),
        (
            "type=lastcall.alert.due.v1&type=lastcall.coupon.expiring.v1&state=unread&limit=1",
            &[alert],
        ),
        ("type=lastcall.funding.failed.v1", &[]),
        ("since=2h", &[fresh]),
        (&format!("since={since}"), &[fresh]),
    ] {
        assert_eq!(listed(filter).await, found, "{filter}");
    }
}

#[tokio::test]
async fn an_item_says_what_it_is_and_whether_it_is_over() {
    let inbox = Inbox::start().await;
    let mut event = envelope(coupon(1));
    event.expiry_time = Some(Utc::now() - TimeDelta::minutes(1));
    inbox.tell(user("u1"), &event).await;
    let mut lasting = envelope(coupon(2));
    lasting.expiry_time = Some(Utc::now() + TimeDelta::hours(1));
    inbox.tell(user("u1"), &lasting).await;
    inbox.until_projected().await;
    let (_, page) = inbox.get("u1", "/v1/notifications").await;
    let [later, first] = &items(&page)[..] else {
        panic!("{page}")
    };
    assert_eq!(
        (&first["expired"], &later["expired"]),
        (&json!(true), &json!(false))
    );
    let mut item = first.clone();
    let expirytime = item["expirytime"].take();
    assert!(expirytime.is_string());
    assert_eq!(
        item,
        json!({
            "id": event.id, "cursor": inbox.at(1), "type": "lastcall.coupon.expiring.v1", "subject": "coupon/c1",
            "title": "Your coupon expires soon", "body": "“Night, \"Owl\"”", "locale": "en", "link": null,
            "time": "2026-11-21T09:00:00Z", "expirytime": null, "expired": true, "audience": "personal",
            "seen_at": null, "read_at": null, "archived_at": null, "silenced": null,
        })
    );
    // What is over counts like all else: counts are what the log makes them, whatever the time is.
    assert_eq!(page["counts"]["unread"], 2);
}

#[tokio::test]
async fn announcements_come_in_the_language_that_the_reader_likes_best() {
    let inbox = Inbox::start().await;
    let both = vec![words("en", "News"), words("ko", "소식")];
    inbox
        .tell(Recipient::Everybody, &envelope(announcement(both)))
        .await;
    inbox.until_projected().await;
    for (accept, title) in [
        ("ko-KR,en;q=0.5", "소식"),
        ("en-GB,ko;q=0.9", "News"),
        ("fr", "News"),
    ] {
        let request = inbox
            .request(Method::GET, "/v1/notifications")
            .bearer_auth(inbox.token("u1"))
            .header(header::ACCEPT_LANGUAGE, accept);
        let (_, page) = crate::answer(request).await;
        assert_eq!(each(&page, "title"), [title], "{accept}");
    }
}

#[tokio::test]
async fn an_answer_that_the_client_has_is_not_sent_again_and_says_what_it_is_current_to() {
    let inbox = Inbox::start().await;
    inbox.tell_of_coupons("u1", 2).await;
    for path in [
        "/v1/notifications",
        "/v1/notifications/unread-count",
        "/v1/notifications/exists",
    ] {
        let ask = async |known: &str| {
            let request = inbox.request(Method::GET, path).bearer_auth(inbox.token("u1"));
            request.header(header::IF_NONE_MATCH, known).send().await.unwrap()
        };
        let first = ask("\"other\"").await;
        assert_eq!(first.status(), StatusCode::OK);
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        assert!(tag.starts_with("W/\""), "{tag}");
        assert_eq!(first.headers()["cache-control"], "private, no-cache");
        let vary: Vec<_> = first.headers().get_all(header::VARY).iter().collect();
        assert_eq!(vary, ["authorization", "cookie", "accept-language"]);
        let cursor = first.headers()["lastcall-cursor"].clone();
        let body: Value = first.json().await.unwrap();
        assert_eq!(cursor, body["cursor"].as_str().unwrap());

        // Others are told something: the answer is the same, and current to a later place.
        inbox.tell_of_coupons("u2", 1).await;
        let known = ask(&tag).await;
        assert_eq!(known.status(), StatusCode::NOT_MODIFIED, "{path}");
        assert_eq!(known.headers()[header::ETAG], tag.as_str());
        let end = inbox.log.bounds().await.unwrap().last_sequence;
        assert_eq!(known.headers()["lastcall-cursor"], inbox.at(end).as_str());
        assert!(
            known.headers().contains_key(header::VARY) && known.headers().contains_key(header::CACHE_CONTROL)
        );
        assert_eq!(known.bytes().await.unwrap().len(), 0);
    }
    let count = async |known: &str| {
        let request = inbox.request(Method::GET, "/v1/notifications/unread-count");
        let request = request
            .bearer_auth(inbox.token("u1"))
            .header(header::IF_NONE_MATCH, known);
        request.send().await.unwrap()
    };
    let tag = count("").await.headers()[header::ETAG]
        .to_str()
        .unwrap()
        .to_owned();
    inbox.tell_of_coupons("u1", 1).await;
    assert_eq!(count(&tag).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_answer_is_never_older_than_the_client_asks_for() {
    let mut inbox = Inbox::start().await;
    inbox.tell_of_coupons("u1", 1).await;
    let path = format!("/v1/notifications/unread-count?at_least={}", inbox.at(2));
    inbox.hold_projector().await;
    inbox.tell(user("u1"), &envelope(coupon(2))).await;
    let patient = inbox.url.clone();
    inbox.url = serve(
        &inbox.store,
        &inbox.log,
        Duration::from_millis(200),
        &inbox.shutdown,
    )
    .await;
    let request = inbox.request(Method::GET, &path).bearer_auth(inbox.token("u1"));
    let response = request.send().await.unwrap();
    assert_eq!(
        (
            response.status(),
            response.headers()["retry-after"].to_str().unwrap()
        ),
        (StatusCode::SERVICE_UNAVAILABLE, "1")
    );
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["type"], "urn:lastcall:problem:table-behind");

    inbox.url = patient;
    inbox.release_projector();
    let (status, count) = inbox.get("u1", &path).await;
    assert_eq!((status, &count["unread"]), (StatusCode::OK, &Value::from(2)));
}

#[tokio::test]
async fn an_empty_inbox_is_an_answer() {
    let inbox = Inbox::start().await;
    let (status, page) = inbox.get("u1", "/v1/notifications").await;
    assert_eq!(
        (status, page),
        (
            StatusCode::OK,
            json!({ "notifications": [], "next": null, "counts": { "unread": 0, "unseen": 0 }, "cursor": null })
        )
    );
    assert_eq!(
        inbox.get("u1", "/v1/notifications/exists").await.1["exists"],
        false
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_as_a_problem_that_names_it() {
    let inbox = Inbox::start().await;
    inbox.tell_of_coupons("u1", 1).await;
    for (path, status, named) in [
        ("/v1/notifications?limit=0", 400, "limit"),
        ("/v1/notifications?limit=many", 400, "limit"),
        ("/v1/notifications?before=.", 400, "before"),
        ("/v1/notifications?at_least=.", 400, "at_least"),
        ("/v1/notifications?page=2", 400, "page"),
        ("/v1/notifications?state=lost", 400, "state"),
        ("/v1/notifications?type=lost", 400, "lastcall.coupon.expiring.v1"),
        ("/v1/notifications?since=lately", 400, "since"),
        ("/v1/notifications?limit=%FF", 400, "limit"),
        ("/v1/notifications/exists?page=2", 400, "page"),
        ("/v1/notifications?before=other.1", 410, "other.1"),
        ("/v1/notifications/exists?at_least=other.1", 410, "other.1"),
    ] {
        let (found, problem) = inbox.get("u1", path).await;
        assert_eq!(found.as_u16(), status, "{path}: {problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains(named),
            "{path}: {problem}"
        );
    }
}

#[tokio::test]
async fn without_a_valid_token_there_is_nothing() {
    let inbox = Inbox::start().await;
    for path in [
        "/v1/notifications",
        "/v1/notifications/unread-count",
        "/v1/notifications/exists",
    ] {
        let request = inbox.request(Method::GET, path).bearer_auth("forged");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
    }
}
