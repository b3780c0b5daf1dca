//! Changes that are sent again.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::Inbox;
use crate::alerts::on_both_engines;
use crate::changes::PATH;
use crate::told::items;

on_both_engines!(
    a_repeated_change_is_answered_the_same_and_changes_nothing_whatever_came_since,
    a_key_belongs_to_one_request,
);

const STATE: (Method, &str) = (Method::POST, PATH);

async fn a_repeated_change_is_answered_the_same_and_changes_nothing_whatever_came_since(inbox: Inbox) {
    let ids = inbox.tell_of_coupons("ann", 2).await;
    let body = json!({ "change": "read", "ids": [ids[1], ids[0]] });
    let first = inbox.ask_as("k1", "ann", STATE, &body).await;
    assert_eq!(
        first,
        (StatusCode::OK, json!({ "cursor": inbox.at(3), "changed": true }))
    );
    // At once: it is so already.
    assert_eq!(inbox.ask_as("k1", "ann", STATE, &body).await, first);
    // Undone since: it would be something to do.
    let (undone, _) = inbox
        .change("ann", json!({ "change": "unread", "ids": ids }))
        .await;
    inbox.list_at("ann", &undone).await;
    assert_eq!(inbox.ask_as("k1", "ann", STATE, &body).await, first);
    // In another order, it is the same.
    let turned = json!({ "change": "read", "ids": [ids[0], ids[1], ids[0]] });
    assert_eq!(inbox.ask_as("k1", "ann", STATE, &turned).await, first);
    let page = inbox.list_at("ann", &undone).await;
    assert!(
        items(&page).iter().all(|item| item["read_at"].is_null()),
        "{page}"
    );
    assert_eq!(inbox.log.bounds().await.unwrap().last_sequence, 4);

    // Under another name, it is another change; and what one person calls a change is nobody else's.
    let again = inbox.ask_as("k2", "ann", STATE, &body).await;
    assert_eq!(again.1, json!({ "cursor": inbox.at(5), "changed": true }));
    let bobs = inbox.tell_of_coupons("bob", 1).await;
    let body = json!({ "change": "read", "ids": bobs });
    let his = inbox.ask_as("k1", "bob", STATE, &body).await;
    assert_eq!(his.1, json!({ "cursor": inbox.at(7), "changed": true }));
}

async fn a_key_belongs_to_one_request(inbox: Inbox) {
    let ids = inbox.tell_of_coupons("ann", 2).await;
    let body = json!({ "change": "read", "ids": [ids[0]] });
    assert_eq!(inbox.ask_as("k1", "ann", STATE, &body).await.0, StatusCode::OK);
    let preferences = (Method::PUT, "/v1/preferences");
    for (route, other) in [
        (STATE, json!({ "change": "read", "ids": [ids[1]] })),
        (STATE, json!({ "change": "seen", "ids": [ids[0]] })),
        (STATE, json!({ "change": "archived", "ids": [ids[0]] })),
        (STATE, json!({ "change": "read", "up_to": inbox.at(1) })),
        (preferences.clone(), json!({ "muted_fundings": ["f1"] })),
        (preferences, json!({})),
    ] {
        let (status, problem) = inbox.ask_as("k1", "ann", route, &other).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{other}: {problem}");
        assert_eq!(problem["type"], "urn:lastcall:problem:idempotency-key-reused");
    }
    assert_eq!(inbox.log.bounds().await.unwrap().last_sequence, 3);
}

#[tokio::test]
async fn a_repetition_is_recognised_before_it_is_judged() {
    let inbox = Inbox::start().await;
    let ids = inbox.tell_of_coupons("ann", 1).await;
    let body = json!({ "change": "read", "up_to": inbox.at(1) });
    let first = inbox.ask_as("k1", "ann", STATE, &body).await;
    assert_eq!(first.1["changed"], true);
    // Nothing is to be done any more; with a new name that is the answer.
    assert_eq!(inbox.ask_as("k2", "ann", STATE, &body).await.1["changed"], false);
    assert_eq!(inbox.ask_as("k1", "ann", STATE, &body).await, first);
    // It says nothing of notifications that are not hers, also under that name.
    let others = json!({ "change": "read", "ids": ["7c9e6679-7425-40de-944b-e07fc1f90ae7"] });
    assert_eq!(
        inbox.ask_as("k3", "ann", STATE, &others).await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        inbox
            .ask_as("k3", "ann", STATE, &json!({ "change": "unread", "ids": ids }))
            .await
            .0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_key_is_a_short_line_of_printable_characters() {
    let inbox = Inbox::start().await;
    let ids = inbox.tell_of_coupons("ann", 1).await;
    let body = json!({ "change": "seen", "ids": ids });
    for bad in [&b""[..], b"\xc3\xa9", b"a\tb", &[b'x'; 256]] {
        let request = inbox.request(Method::POST, PATH).bearer_auth(inbox.token("ann"));
        let (status, problem) = crate::answer(request.header("idempotency-key", bad).json(&body)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad:?}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains("Idempotency-Key"));
    }
    let twice = inbox.request(Method::POST, PATH).bearer_auth(inbox.token("ann"));
    let twice = twice
        .header("idempotency-key", "a")
        .header("idempotency-key", "b");
    assert_eq!(crate::answer(twice.json(&body)).await.0, StatusCode::BAD_REQUEST);
    let long = "x y!".repeat(63);
    assert_eq!(inbox.ask_as(&long, "ann", STATE, &body).await.0, StatusCode::OK);
    let page = inbox.list_at("ann", &inbox.at(2)).await;
    assert_eq!(page["counts"], json!({ "unread": 1, "unseen": 0 }));
}
