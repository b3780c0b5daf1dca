//! Changes of one person at the same time, and changes while something breaks.

use std::time::Duration;

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use test_support::lastcall::eventually;
use test_support::link::{Condition, Link};
use tokio_util::sync::CancellationToken;

use crate::changes::PATH;
use crate::told::items;
use crate::{Inbox, WAIT, open_log, serve};

impl Inbox {
    /// Sends a change to an inbox that answers there.
    async fn send(&self, url: &str, key: &str, body: &Value) -> (StatusCode, Value) {
        let request = self
            .client
            .post(format!("{url}{PATH}"))
            .bearer_auth(self.token("ann"));
        crate::answer(request.header("idempotency-key", key).json(body)).await
    }
}

/// What two changes of each of `count` notifications leave behind that are sent to two inboxes at once.
async fn fifty_changes_at_once(inbox: Inbox) {
    let ids = inbox.tell_of_coupons("ann", 25).await;
    // With a log of its own, as another process has it.
    let log = open_log(inbox.nats.url()).await;
    let other = serve(&inbox.store, &log, WAIT, &inbox.shutdown).await;
    let urls = [&inbox.url, &other];
    let changes = ids.iter().enumerate().flat_map(|(number, id)| {
        ["read", "archived"].map(|change| {
            let (url, key) = (urls[(number + change.len()) % 2], format!("{change} {number}"));
            let body = json!({ "change": change, "ids": [id] });
            let inbox = &inbox;
            async move { (inbox.send(url, &key, &body).await, key, body) }
        })
    });
    let done = join_all(changes).await;
    let end = inbox.log.bounds().await.unwrap().last_sequence;
    assert_eq!(end, 25 + 50, "each is in the log, once");
    let mut places: Vec<_> = done
        .iter()
        .map(|((status, answer), ..)| {
            assert_eq!(
                (*status, &answer["changed"]),
                (StatusCode::OK, &json!(true)),
                "{answer}"
            );
            answer["cursor"].as_str().unwrap().to_owned()
        })
        .collect();
    places.sort_unstable();
    let mut expected: Vec<_> = (26..=75).map(|sequence| inbox.at(sequence)).collect();
    expected.sort_unstable();
    assert_eq!(places, expected, "in one order");
    let page = inbox.list_at("ann", &inbox.at(end)).await;
    assert_eq!(page["counts"], json!({ "unread": 0, "unseen": 0 }));
    assert!(
        items(&page)
            .iter()
            .all(|item| item["read_at"].is_string() && item["archived_at"].is_string())
    );
    // All of them sent again, to the other inbox each.
    let again = done.iter().enumerate().map(|(number, (answer, key, body))| {
        let (inbox, url) = (&inbox, urls[number % 2]);
        async move { assert_eq!(inbox.send(url, key, body).await, *answer) }
    });
    join_all(again).await;
    assert_eq!(inbox.log.bounds().await.unwrap().last_sequence, end);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_changes_at_once_at_two_inboxes_are_all_in_the_log_in_one_order() {
    fifty_changes_at_once(Inbox::start().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_changes_at_once_at_two_inboxes_on_postgres() {
    if let Some(inbox) = Inbox::start_on_postgres().await {
        fifty_changes_at_once(inbox).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_same_change_sent_to_two_inboxes_at_once_one_is_made() {
    let inbox = Inbox::start().await;
    let ids = inbox.tell_of_coupons("ann", 10).await;
    let log = open_log(inbox.nats.url()).await;
    let other = serve(&inbox.store, &log, WAIT, &inbox.shutdown).await;
    for (number, id) in ids.iter().enumerate() {
        let (key, body) = (number.to_string(), json!({ "change": "read", "ids": [id] }));
        let sent = [&inbox.url, &other, &inbox.url, &other].map(|url| inbox.send(url, &key, &body));
        let answers = join_all(sent).await;
        assert_eq!(
            answers[0].1,
            json!({ "cursor": inbox.at(11 + number as u64), "changed": true })
        );
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    }
    assert_eq!(inbox.log.bounds().await.unwrap().last_sequence, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_ack_is_lost_is_made_once() {
    let inbox = Inbox::start().await;
    let ids = inbox.tell_of_coupons("ann", 1).await;
    let link = Link::to(inbox.nats.address()).await;
    let log = open_log(format!("nats://{}", link.address())).await;
    let behind_link = serve(&inbox.store, &log, WAIT, &inbox.shutdown).await;
    let body = json!({ "change": "read", "ids": ids });
    // Slow enough to be cut while the ack is on its way back.
    link.set(Condition::Slow(Duration::from_millis(300)));
    let (answer, ()) = tokio::join!(inbox.send(&behind_link, "k1", &body), async {
        eventually("the change is in the log", async || {
            let end = inbox.log.bounds().await.unwrap().last_sequence;
            (end == 2).then_some(())
        })
        .await;
        link.cut();
        link.set(Condition::Open);
    });
    let expected = (StatusCode::OK, json!({ "cursor": inbox.at(2), "changed": true }));
    assert_eq!(answer, expected);
    assert_eq!(inbox.send(&inbox.url, "k1", &body).await, expected);
    assert_eq!(inbox.log.bounds().await.unwrap().last_sequence, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_an_inbox_that_dies_behind_the_append_is_answered_by_another() {
    let inbox = Inbox::start().await;
    let ids = inbox.tell_of_coupons("ann", 1).await;
    let link = Link::to(inbox.nats.address()).await;
    let log = open_log(format!("nats://{}", link.address())).await;
    let dying = serve(&inbox.store, &log, WAIT, &CancellationToken::new()).await;
    let body = json!({ "change": "read", "ids": ids });
    link.set(Condition::Slow(Duration::from_millis(300)));
    let unanswered = inbox.send(&dying, "k1", &body);
    let stored = eventually("the change is in the log", async || {
        let end = inbox.log.bounds().await.unwrap().last_sequence;
        (end == 2).then_some(())
    });
    // Nothing of it is heard any more from here on.
    tokio::select! {
        biased;
        answer = unanswered => panic!("it was meant to die before it answers: {answer:?}"),
        () = stored => link.set(Condition::Silent),
    }
    // Undone meanwhile, and then asked again.
    let undone = inbox
        .change("ann", json!({ "change": "unread", "ids": ids }))
        .await;
    assert_eq!(undone, (inbox.at(3), true));
    let again = inbox.send(&inbox.url, "k1", &body).await;
    assert_eq!(
        again,
        (StatusCode::OK, json!({ "cursor": inbox.at(2), "changed": true }))
    );
    let page = inbox.list_at("ann", &inbox.at(3)).await;
    assert_eq!(page["counts"]["unread"], 1);
    assert_eq!(inbox.log.bounds().await.unwrap().last_sequence, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_log_nothing_is_changed_and_all_can_be_read() {
    let mut inbox = Inbox::start().await;
    let ids = inbox.tell_of_coupons("ann", 1).await;
    inbox.nats.kill().await;
    let impatient = serve(&inbox.store, &inbox.log, Duration::from_secs(1), &inbox.shutdown).await;
    let body = json!({ "change": "read", "ids": ids });
    let request = inbox
        .client
        .post(format!("{impatient}{PATH}"))
        .bearer_auth(inbox.token("ann"));
    let response = request
        .header("idempotency-key", "k1")
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(
        inbox.get("ann", "/v1/notifications").await.1["counts"]["unread"],
        1
    );
    assert_eq!(inbox.get("ann", "/v1/preferences").await.0, StatusCode::OK);

    inbox.nats.restart().await;
    let answer = eventually("the log is back", async || {
        let answer = inbox.send(&inbox.url, "k1", &body).await;
        (answer.0 == StatusCode::OK).then_some(answer)
    });
    assert_eq!(answer.await.1, json!({ "cursor": inbox.at(2), "changed": true }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_of_a_log_that_was_replaced_changes_nothing_and_ends() {
    let mut inbox = Inbox::start().await;
    let ids = inbox.tell_of_coupons("ann", 1).await;
    inbox.hold_projector().await;
    inbox.nats.restart_empty().await;
    let replaced = open_log(inbox.nats.url()).await;
    let watch = inbox::while_the_log_is_the_same(inbox.log.clone(), inbox.shutdown.clone());
    let body = json!({ "change": "read", "ids": ids });
    let (status, problem) = inbox.ask("ann", Method::POST, PATH, &body).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{problem}");
    assert_eq!(replaced.bounds().await.unwrap().last_sequence, 0);
    let ended = tokio::time::timeout(WAIT, watch).await;
    ended.expect("it ends in time").unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_not_decided_by_a_table_that_is_behind() {
    let mut inbox = Inbox::start().await;
    let ids = inbox.tell_of_coupons("ann", 1).await;
    inbox.hold_projector().await;
    inbox.change("ann", json!({ "change": "read", "ids": ids })).await;
    let impatient = serve(
        &inbox.store,
        &inbox.log,
        Duration::from_millis(300),
        &inbox.shutdown,
    )
    .await;
    let request = inbox
        .client
        .post(format!("{impatient}{PATH}"))
        .bearer_auth(inbox.token("ann"));
    let body = json!({ "change": "unread", "ids": ids });
    let (status, problem) = crate::answer(request.json(&body)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{problem}");
    inbox.release_projector();
    // By the table as it was, it would be unread already.
    assert_eq!(inbox.change("ann", body).await, (inbox.at(3), true));
}
