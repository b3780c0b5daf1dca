//! What the routes of alerts do not do, and for whom.

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use service_kit::auth::COOKIE_NAME;

use crate::alerts::{ID, on_both_engines, path, stretch};
use crate::{Inbox, answer};

on_both_engines!(
    nobody_reads_changes_deletes_or_probes_anothers_alert,
    a_value_that_makes_no_sense_is_refused_by_its_name,
    an_id_that_nothing_could_have_is_no_ones,
);

const OTHER_ID: &str = "7c9e6679-7425-40de-944b-e07fc1f90ae7";

async fn nobody_reads_changes_deletes_or_probes_anothers_alert(inbox: Inbox) {
    let (_, anns) = inbox.ask("ann", Method::PUT, &path(ID), &stretch()).await;
    for (method, body) in [
        (Method::GET, Value::Null),
        (Method::PATCH, json!({ "title": "Mine" })),
        (Method::PATCH, json!({})),
        (Method::DELETE, Value::Null),
    ] {
        let anothers = inbox.ask("bob", method.clone(), &path(ID), &body).await;
        let nobodys = inbox.ask("bob", method.clone(), &path(OTHER_ID), &body).await;
        assert_eq!(anothers.0, StatusCode::NOT_FOUND, "{method}");
        assert_eq!(anothers, nobodys, "{method}");
    }
    assert_eq!(inbox.get("bob", "/v1/alerts").await.1["alerts"], json!([]));

    // Under an id that somebody else uses, one has an alert of one's own, as under any other.
    for id in [ID, OTHER_ID] {
        let (status, bobs) = inbox
            .ask(
                "bob",
                Method::PUT,
                &path(id),
                &json!({ "title": "Mine", "at": "01:00" }),
            )
            .await;
        assert_eq!((status, &bobs["title"]), (StatusCode::CREATED, &json!("Mine")));
    }
    assert_eq!(
        inbox.ask("bob", Method::DELETE, &path(ID), &Value::Null).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(inbox.get("ann", &path(ID)).await, (StatusCode::OK, anns.clone()));
    assert_eq!(inbox.get("ann", "/v1/alerts").await.1["alerts"], json!([anns]));
}

async fn a_value_that_makes_no_sense_is_refused_by_its_name(inbox: Inbox) {
    let (_, before) = inbox.ask("ann", Method::PUT, &path(ID), &stretch()).await;
    let with = |field: &str, value: Value| {
        let mut alert = stretch();
        alert[field] = value;
        alert
    };
    let long = "é".repeat(501);
    let whole = [
        (json!({ "at": "19:30" }), "title"),
        (json!({ "title": "Look" }), "at"),
        (with("titel", json!("Look")), "titel"),
        (with("user_id", json!("bob")), "user_id"),
        (with("id", json!(OTHER_ID)), "id"),
        (json!([]), "an object"),
    ];
    let fields = [
        ("title", json!(null)),
        ("title", json!("")),
        ("title", json!(" \u{3000}")),
        ("title", json!("two\nlines")),
        ("title", json!("nul\0")),
        ("title", json!(long)),
        ("title", json!(7)),
        ("content", json!("")),
        ("content", json!("a\u{7f}")),
        ("content", json!(long)),
        ("content", json!({})),
        ("at", json!(null)),
        ("at", json!("24:00")),
        ("at", json!("7pm")),
        ("at", json!(1930)),
        ("weekdays", json!([])),
        ("weekdays", json!(["mon", "someday"])),
        ("weekdays", json!("mon")),
        ("weekdays", json!([1])),
        ("time_zone", json!("Mars/Phobos")),
        ("time_zone", json!("")),
        ("time_zone", json!(9)),
    ];
    let put_and_post = |alert: Value, named: &'static str| {
        [Method::PUT, Method::POST].map(|method| (method, alert.clone(), named))
    };
    let mut requests: Vec<(Method, Value, &str)> = Vec::new();
    for (alert, named) in whole {
        requests.extend(put_and_post(alert, named));
    }
    for (field, value) in fields {
        requests.push((Method::PATCH, json!({ field: value.clone() }), field));
        requests.extend(put_and_post(with(field, value), field));
    }
    requests.push((Method::PATCH, json!({ "next_due_at": null }), "next_due_at"));
    for (method, body, named) in requests {
        let path = if method == Method::POST {
            "/v1/alerts".to_owned()
        } else {
            path(ID)
        };
        let (status, problem) = inbox.ask("ann", method.clone(), &path, &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{method} {body}: {problem}");
        assert_eq!(problem["type"], "urn:lastcall:problem:malformed-request");
        assert!(
            problem["detail"].as_str().unwrap().contains(named),
            "{method} {body}: {problem}"
        );
    }
    for (query, named) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("after=%00", "after"),
        ("page=2", "page"),
    ] {
        let (status, problem) = inbox.get("ann", &format!("/v1/alerts?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}: {problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains(named),
            "{query}: {problem}"
        );
    }
    assert_eq!(inbox.get("ann", "/v1/alerts").await.1["alerts"], json!([before]));
}

async fn an_id_that_nothing_could_have_is_no_ones(inbox: Inbox) {
    let long = "x".repeat(129);
    let uuids = [
        OTHER_ID.to_uppercase(),
        OTHER_ID.replace('-', ""),
        format!("{{{OTHER_ID}}}"),
    ];
    let ids = uuids
        .into_iter()
        .chain(["a1", "%00", "%F0%9F%98%80", &long].map(str::to_owned));
    for id in ids {
        for (method, body) in [
            (Method::GET, Value::Null),
            (Method::PUT, stretch()),
            (Method::PATCH, json!({})),
            (Method::DELETE, Value::Null),
        ] {
            let (status, problem) = inbox.ask("ann", method.clone(), &path(&id), &body).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{method} {id}: {problem}");
            assert_eq!(problem["type"], "urn:lastcall:problem:no-such-alert");
        }
    }
    assert_eq!(inbox.get("ann", &path("%FF")).await.0, StatusCode::BAD_REQUEST);
}

/// Every route, with a body that it would take.
fn routes() -> [(Method, String, Option<Value>); 6] {
    [
        (Method::GET, "/v1/alerts".to_owned(), None),
        (Method::GET, path(ID), None),
        (Method::POST, "/v1/alerts".to_owned(), Some(stretch())),
        (Method::PUT, path(OTHER_ID), Some(stretch())),
        (Method::PATCH, path(ID), Some(json!({ "title": "Bend" }))),
        (Method::DELETE, path(ID), None),
    ]
}

#[tokio::test]
async fn without_a_valid_token_there_is_no_alert() {
    let inbox = Inbox::start().await;
    inbox.ask("ann", Method::PUT, &path(ID), &stretch()).await;
    for (method, path, body) in routes() {
        for token in ["", "forged"] {
            let request = inbox.request(method.clone(), &path).bearer_auth(token);
            let request = if let Some(body) = &body {
                request.json(body)
            } else {
                request
            };
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
            assert_eq!(response.headers()["content-type"], "application/problem+json");
        }
    }
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing_through_the_cookie() {
    let inbox = Inbox::start().await;
    let (_, before) = inbox.ask("ann", Method::PUT, &path(ID), &stretch()).await;
    let cookie = format!("{COOKIE_NAME}={}", inbox.token("ann"));
    let writes = || {
        routes()
            .into_iter()
            .filter(|(method, _, _)| method != Method::GET)
    };
    for (method, path, body) in writes() {
        let request = inbox
            .request(method.clone(), &path)
            .header(header::COOKIE, &cookie)
            .header("sec-fetch-site", "cross-site");
        let request = if let Some(body) = &body {
            request.json(body)
        } else {
            request
        };
        let (status, problem) = answer(request).await;
        assert_eq!(
            (status, problem["type"].as_str()),
            (
                StatusCode::FORBIDDEN,
                Some("urn:lastcall:problem:cross-site-request")
            ),
            "{method} {path}"
        );
    }
    // What a form can send without asking beforehand, from a browser that does not say where it comes from.
    for form in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
    ] {
        let request = inbox
            .request(Method::POST, "/v1/alerts")
            .header(header::COOKIE, &cookie);
        let request = if form.is_empty() {
            request
        } else {
            request.header(header::CONTENT_TYPE, form)
        };
        let (status, problem) = answer(request.body(stretch().to_string())).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{form}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains("application/json"));
    }
    assert_eq!(inbox.get("ann", "/v1/alerts").await.1["alerts"], json!([before]));

    // The site's own pages may.
    for (method, path, body) in writes() {
        let request = inbox
            .request(method.clone(), &path)
            .header(header::COOKIE, &cookie)
            .header("sec-fetch-site", "same-origin");
        let request = if let Some(body) = &body {
            request.json(body)
        } else {
            request
        };
        let (status, answer) = answer(request).await;
        assert!(status.is_success(), "{method} {path}: {answer}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_or_too_large_is_refused() {
    let inbox = Inbox::start().await;
    let post = |body: String| {
        let request = inbox
            .request(Method::POST, "/v1/alerts")
            .bearer_auth(inbox.token("ann"));
        request
            .header(header::CONTENT_TYPE, "application/json")
            .body(body)
    };
    let (status, problem) = answer(post("{".to_owned())).await;
    assert_eq!(
        (status, problem["status"].as_u64()),
        (StatusCode::BAD_REQUEST, Some(400))
    );
    let large = json!({ "title": "x".repeat(70_000), "at": "09:00" }).to_string();
    let (status, problem) = answer(post(large)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(problem["type"], "urn:lastcall:problem:body-too-large");
}
