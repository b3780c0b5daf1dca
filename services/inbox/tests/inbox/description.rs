//! What is said of the routes.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{Inbox, answer};

async fn described(inbox: &Inbox) -> Value {
    let request = inbox.request(Method::GET, "/v1/openapi.json");
    let (status, api) = answer(request).await;
    assert_eq!(status, StatusCode::OK);
    api
}

#[tokio::test]
async fn the_served_description_names_every_route() {
    let inbox = Inbox::start().await;
    let api = described(&inbox).await;
    let mut routes = Vec::new();
    for (path, methods) in api["paths"].as_object().unwrap() {
        routes.extend(
            methods
                .as_object()
                .unwrap()
                .keys()
                .map(|method| format!("{method} {path}")),
        );
    }
    routes.sort_unstable();
    assert_eq!(
        routes,
        [
            "delete /v1/alerts/{id}",
            "delete /v1/preferences/muted-fundings/{funding_id}",
            "get /v1/alerts",
            "get /v1/alerts/{id}",
            "get /v1/notifications",
            "get /v1/notifications/exists",
            "get /v1/notifications/unread-count",
            "get /v1/preferences",
            "patch /v1/alerts/{id}",
            "post /v1/alerts",
            "post /v1/announcements",
            "post /v1/notifications/state",
            "put /v1/alerts/{id}",
            "put /v1/preferences",
            "put /v1/preferences/muted-fundings/{funding_id}",
        ]
    );
}

#[tokio::test]
async fn every_refusal_is_described_as_a_problem_and_every_reference_leads_somewhere() {
    let inbox = Inbox::start().await;
    let api = described(&inbox).await;
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            let statuses: Vec<_> = responses.keys().map(String::as_str).collect();
            assert!(
                statuses.contains(&"401") && statuses.contains(&"503"),
                "{method} {path}: {statuses:?}"
            );
            for (status, response) in responses {
                assert!(
                    !response["description"].as_str().unwrap().is_empty(),
                    "{method} {path} {status}"
                );
                // Answered before there is a route.
                if status == "431" {
                    continue;
                }
                if status.as_str() >= "400" {
                    let content = response["content"].as_object().unwrap();
                    let types: Vec<_> = content.keys().collect();
                    assert_eq!(types, ["application/problem+json"], "{method} {path} {status}");
                }
            }
        }
    }
    let mut references = Vec::new();
    find_references(&api, &mut references);
    for reference in references {
        let found = api.pointer(reference.strip_prefix('#').unwrap());
        assert!(found.is_some(), "{reference}");
    }
}

fn find_references(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                references.push(reference.clone());
            }
            fields
                .values()
                .for_each(|field| find_references(field, references));
        }
        Value::Array(entries) => entries
            .iter()
            .for_each(|entry| find_references(entry, references)),
        _ => {}
    }
}

#[tokio::test]
async fn what_cannot_be_done_at_a_path_is_refused_as_a_problem_that_says_what_can() {
    let inbox = Inbox::start().await;
    for (method, path, allow) in [
        (Method::DELETE, "/v1/notifications", "GET,HEAD"),
        (Method::GET, "/v1/notifications/state", "POST"),
        (Method::PATCH, "/v1/preferences", "GET,HEAD,PUT"),
    ] {
        let response = inbox.request(method.clone(), path).send().await.unwrap();
        assert_eq!(
            response.status(),
            StatusCode::METHOD_NOT_ALLOWED,
            "{method} {path}"
        );
        assert_eq!(response.headers()["allow"], allow);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn what_the_routes_need_is_described() {
    let inbox = Inbox::start().await;
    let api = described(&inbox).await;
    let headers = |pointer: &str| {
        let parameters = api
            .pointer(&format!("{pointer}/parameters"))
            .unwrap()
            .as_array()
            .unwrap();
        let named = parameters.iter().filter(|parameter| parameter["in"] == "header");
        named
            .map(|parameter| parameter["name"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        headers("/paths/~1v1~1notifications~1state/post"),
        [json!("idempotency-key")]
    );
    assert_eq!(
        headers("/paths/~1v1~1preferences/put"),
        [json!("if-match"), json!("idempotency-key")]
    );
    let list = api.pointer("/paths/~1v1~1notifications/get").unwrap();
    let answered = list["responses"]["200"]["headers"].as_object().unwrap();
    assert!(answered.contains_key("etag") && answered.contains_key("lastcall-cursor"));
    assert!(
        list["responses"]["503"]["headers"]
            .as_object()
            .unwrap()
            .contains_key("retry-after")
    );
    let kinds = list["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .find(|parameter| parameter["name"] == "type");
    assert_eq!(kinds.unwrap()["schema"]["items"]["type"], "string", "{kinds:?}");
}
