//! What people do with their notifications.

use proto_schemas::Recipient;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Inbox;
use crate::alerts::on_both_engines;
use crate::told::{announcement, coupon, envelope, items, user, words};

on_both_engines!(
    each_change_does_what_it_says_and_a_second_time_nothing,
    all_up_to_a_place_are_changed_and_no_later_ones,
    nobody_changes_anothers_notifications,
);

pub(crate) const PATH: &str = "/v1/notifications/state";

impl Inbox {
    /// Makes a change, and returns its cursor and whether there was one.
    pub(crate) async fn change(&self, person: &str, body: Value) -> (String, bool) {
        let (status, answer) = self.ask(person, Method::POST, PATH, &body).await;
        assert_eq!(status, StatusCode::OK, "{body}: {answer}");
        let cursor = answer["cursor"].as_str().unwrap().to_owned();
        (cursor, answer["changed"].as_bool().unwrap())
    }

    /// The list with everything, as of a place at least.
    pub(crate) async fn list_at(&self, person: &str, at_least: &str) -> Value {
        let path = format!("/v1/notifications?state=all&at_least={at_least}");
        let (status, page) = self.get(person, &path).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        page
    }
}

/// Which of seen, read and archived an item of a list is.
fn state(item: &Value) -> [bool; 3] {
    ["seen_at", "read_at", "archived_at"].map(|field| item[field].is_string())
}

async fn each_change_does_what_it_says_and_a_second_time_nothing(inbox: Inbox) {
    let ids = inbox.tell_of_coupons("ann", 1).await;
    inbox
        .tell(
            Recipient::Everybody,
            &envelope(announcement(vec![words("en", "News")])),
        )
        .await;
    inbox.until_projected().await;
    let (_, page) = inbox.get("ann", "/v1/notifications").await;
    let news = items(&page)[0]["id"].clone();
    for id in [json!(ids[0]), news] {
        let end = inbox.log.bounds().await.unwrap().last_sequence;
        for (step, (change, expected, unread)) in [
            ("seen", [true, false, false], true),
            ("read", [true, true, false], false),
            ("unread", [true, false, false], true),
            ("archived", [true, false, true], false),
            ("unarchived", [true, false, false], true),
        ]
        .into_iter()
        .enumerate()
        {
            let before = inbox.get("ann", "/v1/notifications?state=all").await.1["counts"]["unread"].clone();
            let body = json!({ "change": change, "ids": [id] });
            let (cursor, changed) = inbox.change("ann", body.clone()).await;
            assert!(changed, "{change}");
            assert_eq!(cursor, inbox.at(end + 1 + step as u64));
            let page = inbox.list_at("ann", &cursor).await;
            let item = items(&page).iter().find(|item| item["id"] == id).unwrap();
            assert_eq!(state(item), expected, "{change}: {item}");
            let is_unread = item["read_at"].is_null() && item["archived_at"].is_null();
            assert_eq!(is_unread, unread);
            let counted = items(&page)
                .iter()
                .filter(|item| item["read_at"].is_null() && item["archived_at"].is_null());
            assert_eq!(page["counts"]["unread"], counted.count(), "before: {before}");

            // It is so already: there is nothing to say in the log.
            assert_eq!(inbox.change("ann", body).await, (cursor, false), "{change}");
        }
    }
    assert_eq!(inbox.log.bounds().await.unwrap().last_sequence, 2 + 10);
}

async fn all_up_to_a_place_are_changed_and_no_later_ones(inbox: Inbox) {
    inbox.tell_of_coupons("ann", 2).await;
    inbox
        .tell(
            Recipient::Everybody,
            &envelope(announcement(vec![words("en", "News")])),
        )
        .await;
    inbox.tell_of_coupons("bob", 1).await;
    inbox.tell_of_coupons("ann", 1).await;
    for (step, (change, field)) in [
        ("seen", "seen_at"),
        ("read", "read_at"),
        ("archived", "archived_at"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({ "change": change, "up_to": inbox.at(4) });
        let (cursor, changed) = inbox.change("ann", body.clone()).await;
        assert!(changed);
        assert_eq!(cursor, inbox.at(6 + step as u64));
        let page = inbox.list_at("ann", &cursor).await;
        let changed: Vec<_> = items(&page).iter().map(|item| item[field].is_string()).collect();
        assert_eq!(changed, [false, true, true, true], "{change}, newest first");
        assert_eq!(inbox.change("ann", body).await, (cursor, false));
    }
    let (_, count) = inbox.get("ann", "/v1/notifications/unread-count").await;
    assert_eq!((&count["unread"], &count["unseen"]), (&json!(1), &json!(1)));
    // Others are not concerned, not even by what they share.
    let (_, count) = inbox.get("bob", "/v1/notifications/unread-count").await;
    assert_eq!((&count["unread"], &count["unseen"]), (&json!(2), &json!(2)));
    // Nothing of hers is there.
    assert!(
        !inbox
            .change("eve", json!({ "change": "read", "up_to": inbox.at(2) }))
            .await
            .1
    );
}

async fn nobody_changes_anothers_notifications(inbox: Inbox) {
    let anns = inbox.tell_of_coupons("ann", 1).await;
    let bobs = inbox.tell_of_coupons("bob", 1).await;
    let nobodys = Uuid::new_v4();
    let before = inbox.get("ann", "/v1/notifications").await.1;
    for ids in [json!([anns[0]]), json!([nobodys]), json!([bobs[0], anns[0]])] {
        let body = json!({ "change": "read", "ids": ids });
        let (status, problem) = inbox.ask("bob", Method::POST, PATH, &body).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{problem}");
        assert_eq!(problem["type"], "urn:lastcall:problem:no-such-notification");
        let missing: Vec<_> = ids
            .as_array()
            .unwrap()
            .iter()
            .filter(|id| **id != json!(bobs[0]))
            .collect();
        assert_eq!(problem["ids"], json!(missing));
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .contains(missing[0].as_str().unwrap())
        );
    }
    inbox
        .change("bob", json!({ "change": "archived", "up_to": inbox.at(2) }))
        .await;
    inbox.until_projected().await;
    let mut after = inbox.get("ann", "/v1/notifications").await.1;
    after["cursor"] = before["cursor"].clone();
    assert_eq!(after, before);
    assert_eq!(inbox.log.bounds().await.unwrap().last_sequence, 3);
}

#[tokio::test]
async fn what_a_person_was_just_told_live_can_be_changed_though_the_table_is_behind() {
    let mut inbox = Inbox::start().await;
    inbox.hold_projector().await;
    let told = envelope(coupon(1));
    inbox.tell(user("ann"), &told).await;
    let news = envelope(announcement(vec![words("en", "News")]));
    inbox.tell(Recipient::Everybody, &news).await;
    let body = json!({ "change": "read", "ids": [told.id, news.id] });
    let ask = inbox.change("ann", body);
    let held = tokio::time::timeout(std::time::Duration::from_millis(200), ask).await;
    assert!(held.is_err(), "nothing can be decided before the table has it");
    inbox.release_projector();
    let body = json!({ "change": "read", "ids": [news.id] });
    let (cursor, changed) = inbox.change("ann", body).await;
    assert!(changed);
    let page = inbox.list_at("ann", &cursor).await;
    let read = items(&page)
        .iter()
        .find(|item| item["id"] == json!(news.id))
        .unwrap();
    assert!(read["read_at"].is_string());
}

#[tokio::test]
async fn a_change_that_makes_no_sense_is_refused_by_its_name() {
    let inbox = Inbox::start().await;
    let ids = inbox.tell_of_coupons("ann", 1).await;
    let many: Vec<_> = (0..201).map(|_| Uuid::new_v4()).collect();
    for (body, status, named) in [
        (json!({ "change": "read" }), 400, "ids"),
        (json!({ "change": "read", "ids": [], }), 400, "ids"),
        (json!({ "change": "read", "ids": many }), 400, "201"),
        (json!({ "change": "read", "ids": ["a1"] }), 400, "ids"),
        (
            json!({ "change": "read", "ids": ids, "up_to": inbox.at(1) }),
            400,
            "up_to",
        ),
        (json!({ "change": "lost", "ids": ids }), 400, "lost"),
        (json!({ "ids": ids }), 400, "change"),
        (json!({ "change": "read", "ids": ids, "at": 1 }), 400, "at"),
        (json!({ "change": "unread", "up_to": inbox.at(1) }), 400, "up_to"),
        (
            json!({ "change": "unarchived", "up_to": inbox.at(1) }),
            400,
            "up_to",
        ),
        (json!({ "change": "read", "up_to": "1" }), 400, "up_to"),
        (
            json!({ "change": "read", "up_to": inbox.at(2) }),
            400,
            "ahead of the log",
        ),
        (
            json!({ "change": "read", "up_to": inbox.at(u64::MAX) }),
            400,
            "ahead of the log",
        ),
        (json!({ "change": "read", "up_to": "other.1" }), 410, "other.1"),
    ] {
        let (found, problem) = inbox.ask("ann", Method::POST, PATH, &body).await;
        assert_eq!(found.as_u16(), status, "{body}: {problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains(named),
            "{body}: {problem}"
        );
    }
    assert_eq!(inbox.log.bounds().await.unwrap().last_sequence, 1);
    // Twice the same is once.
    assert!(
        inbox
            .change("ann", json!({ "change": "read", "ids": [ids[0], ids[0]] }))
            .await
            .1
    );
}
