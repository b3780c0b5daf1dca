use chrono::{TimeDelta, Utc};
use event_log::EventLog;
use proto_schemas::UserId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::alerts::on_both_engines;
use crate::told::items;
use crate::{Inbox, WAIT, answer, serve};

on_both_engines!(
    everybody_is_told_once_in_their_language_and_reads_it_for_themselves,
    the_same_id_is_the_same_announcement,
);

const PATH: &str = "/v1/announcements";
const SCOPE: &str = "announcements:write";

fn news() -> Value {
    json!({
        "id": "news-7",
        "words": [
            { "locale": "en", "title": "Maintenance tonight", "body": "From 02:00 to 03:00." },
            { "locale": "ko", "title": "오늘 밤 점검", "body": "02:00부터 03:00까지." },
        ],
        "link": "/news/7", "expires_at": "2099-12-01T03:00:00Z",
    })
}

impl Inbox {
    fn announcer(&self, scope: Option<&str>) -> String {
        let user = UserId::new("operator").unwrap();
        self.tokens
            .issue_with_scope(&user, TimeDelta::hours(1), scope)
            .unwrap()
    }

    async fn announce(&self, body: &Value) -> (StatusCode, Value) {
        let request = self
            .request(Method::POST, PATH)
            .bearer_auth(self.announcer(Some(SCOPE)));
        answer(request.json(body)).await
    }

    async fn announce_as(&self, key: &str, body: &Value) -> (StatusCode, Value) {
        let request = self
            .request(Method::POST, PATH)
            .bearer_auth(self.announcer(Some(SCOPE)));
        answer(request.header("idempotency-key", key).json(body)).await
    }
}

async fn everybody_is_told_once_in_their_language_and_reads_it_for_themselves(inbox: Inbox) {
    let (status, made) = inbox.announce(&news()).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(
        (&made["id"], &made["cursor"]),
        (&json!("news-7"), &json!(inbox.at(1)))
    );
    for (person, language, title) in [
        ("ann", "ko", "오늘 밤 점검"),
        ("bob", "fr", "Maintenance tonight"),
    ] {
        let path = format!("/v1/notifications?at_least={}", inbox.at(1));
        let request = inbox.request(Method::GET, &path).bearer_auth(inbox.token(person));
        let (_, page) = answer(request.header("accept-language", language)).await;
        let item = &items(&page)[0];
        assert_eq!(item["id"], made["event_id"]);
        assert_eq!(
            (&item["title"], &item["link"]),
            (&json!(title), &json!("/news/7"))
        );
        assert_eq!(item["expirytime"], "2099-12-01T03:00:00Z");
    }
    let (cursor, _) = inbox
        .change("ann", json!({ "change": "read", "ids": [made["event_id"]] }))
        .await;
    for (person, unread) in [("ann", 0), ("bob", 1)] {
        let path = format!("/v1/notifications/unread-count?at_least={cursor}");
        assert_eq!(inbox.get(person, &path).await.1["unread"], unread);
    }
}

async fn the_same_id_is_the_same_announcement(inbox: Inbox) {
    let (_, made) = inbox.announce(&news()).await;
    for projected in [false, true] {
        if projected {
            inbox.until_projected().await;
        }
        assert_eq!(inbox.announce(&news()).await, (StatusCode::OK, made.clone()));
        // The id is what it is called, whatever the request is.
        assert_eq!(
            inbox.announce_as("k1", &news()).await,
            (StatusCode::OK, made.clone())
        );
        for (field, other) in [
            (
                "words",
                json!([{ "locale": "en", "title": "Other", "body": "Words." }]),
            ),
            ("link", json!("/news/8")),
            ("expires_at", json!(null)),
        ] {
            let mut changed = news();
            changed[field] = other;
            let (status, problem) = inbox.announce(&changed).await;
            assert_eq!(status, StatusCode::CONFLICT, "{field}: {problem}");
            assert_eq!(problem["type"], "urn:lastcall:problem:announcement-exists");
        }
    }
    let mut unnamed = news();
    unnamed["id"] = Value::Null;
    let first = inbox.announce_as("k1", &unnamed).await;
    assert_eq!(
        (first.0, &first.1["cursor"]),
        (StatusCode::CREATED, &json!(inbox.at(2)))
    );
    assert_eq!(inbox.announce_as("k1", &unnamed).await, (StatusCode::OK, first.1));
    unnamed["link"] = json!("/news/9");
    assert_eq!(
        inbox.announce_as("k1", &unnamed).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(inbox.announce(&unnamed).await.0, StatusCode::CREATED);
    assert_eq!(
        inbox.announce(&unnamed).await.0,
        StatusCode::CREATED,
        "each is one of its own"
    );
    assert_eq!(inbox.log.bounds().await.unwrap().last_sequence, 4);
}

#[tokio::test]
async fn only_a_token_with_the_scope_announces() {
    let inbox = Inbox::start().await;
    for scope in [
        None,
        Some(""),
        Some("announcements"),
        Some("announcements:write2"),
        Some("ANNOUNCEMENTS:WRITE"),
    ] {
        let request = inbox
            .request(Method::POST, PATH)
            .bearer_auth(inbox.announcer(scope));
        let response = request.json(&news()).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{scope:?}");
        let challenge = response.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            challenge.contains("insufficient_scope") && challenge.contains(SCOPE),
            "{challenge}"
        );
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["type"], "urn:lastcall:problem:insufficient-scope");
    }
    let request = inbox
        .request(Method::POST, PATH)
        .bearer_auth("forged")
        .json(&news());
    assert_eq!(answer(request).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(inbox.log.bounds().await.unwrap().last_sequence, 0);
    let among_others = inbox.announcer(Some("other announcements:write"));
    let request = inbox
        .request(Method::POST, PATH)
        .bearer_auth(among_others)
        .json(&news());
    assert_eq!(answer(request).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn an_announcement_that_makes_no_sense_is_refused_by_its_name() {
    let inbox = Inbox::start().await;
    let with = |field: &str, value: Value| {
        let mut news = news();
        news[field] = value;
        news
    };
    let words =
        |locale: &str, title: &str, body: &str| json!({ "locale": locale, "title": title, "body": body });
    let languages: Vec<_> = (0..21).map(|n| words(&format!("en-x-{n}"), "a", "b")).collect();
    let past = (Utc::now() - TimeDelta::seconds(1)).to_rfc3339();
    for (body, named) in [
        (with("id", json!("")), "id"),
        (with("id", json!("x".repeat(129))), "id"),
        (with("id", json!("a\nb")), "id"),
        (with("words", json!([])), "words"),
        (with("words", json!(languages)), "words"),
        (
            with("words", json!([words("en", "a", "b"), words("EN", "a", "b")])),
            "words[1]",
        ),
        (
            with("words", json!([words("english language", "a", "b")])),
            "locale",
        ),
        (with("words", json!([words("en", " ", "b")])), "title"),
        (
            with("words", json!([words("en", &"x".repeat(1_001), "b")])),
            "title",
        ),
        (with("words", json!([words("en", "a", "b\n")])), "body"),
        (
            with("words", json!([words("en", "a", &"x".repeat(4_001))])),
            "body",
        ),
        (with("words", json!([{ "locale": "en", "title": "a" }])), "body"),
        (with("link", json!("javascript:alert(1)")), "link"),
        (with("link", json!("//evil.example")), "link"),
        (with("expires_at", json!(past)), "expires_at"),
        (with("expires_at", json!("soon")), "expires_at"),
        (with("to", json!("ann")), "to"),
        (json!({}), "words"),
    ] {
        let (status, problem) = inbox.announce(&body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains(named),
            "{body}: {problem}"
        );
    }
    let long: Vec<_> = ["en", "ko", "fr", "de", "es"]
        .map(|tag| words(tag, "a", &"x".repeat(4_000)))
        .into();
    let (status, problem) = inbox.announce(&with("words", json!(long))).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("16384"), "{problem}");
    assert_eq!(inbox.log.bounds().await.unwrap().last_sequence, 0);
}

#[tokio::test]
async fn an_announcement_that_is_over_by_now_is_recognised_when_it_is_sent_again() {
    let inbox = Inbox::start().await;
    let mut soon = news();
    let expires_at = Utc::now() + TimeDelta::seconds(1);
    soon["expires_at"] = json!(expires_at.to_rfc3339());
    let (status, made) = inbox.announce(&soon).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    test_support::lastcall::eventually("it is over", async || (Utc::now() > expires_at).then_some(())).await;
    assert_eq!(inbox.announce(&soon).await, (StatusCode::OK, made));
}

#[tokio::test]
async fn an_id_is_not_given_twice_also_when_the_log_has_forgotten_it() {
    let inbox = Inbox::start().await;
    // A log that recognises nothing that is older than a moment.
    let settings = event_log::Settings {
        url: inbox.nats.url(),
        ..event_log::Settings::default()
    };
    assert_eq!(inbox.announce(&news()).await.0, StatusCode::CREATED);
    inbox.until_projected().await;
    let update = inbox.nats.request("$JS.API.STREAM.INFO.EVENTS", b"").await;
    let mut config: Value = serde_json::from_str::<Value>(&update).unwrap()["config"].take();
    config["duplicate_window"] = json!(100_000_000);
    let updated = inbox
        .nats
        .request("$JS.API.STREAM.UPDATE.EVENTS", config.to_string().as_bytes())
        .await;
    assert!(!updated.contains("\"error\""), "{updated}");
    let log = EventLog::open(&settings).await.unwrap();
    let url = serve(&inbox.store, &log, WAIT, &CancellationToken::new()).await;
    let forgotten = test_support::lastcall::eventually("the id is forgotten", async || {
        let request = inbox
            .client
            .post(format!("{url}{PATH}"))
            .bearer_auth(inbox.announcer(Some(SCOPE)));
        let (status, problem) = answer(request.json(&news())).await;
        (status != StatusCode::OK).then_some((status, problem))
    });
    let (status, problem) = forgotten.await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    assert_eq!(inbox.log.bounds().await.unwrap().last_sequence, 1);
}
