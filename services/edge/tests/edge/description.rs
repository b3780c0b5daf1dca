//! The description of the API, for programs.

use edge::Settings;
use serde_json::Value;
use test_support::nats::NatsServer;

use crate::{Node, open};

#[tokio::test]
async fn the_served_description_names_every_route_and_how_to_ask() {
    let server = NatsServer::start().await;
    let node = Node::start(&open(&server).await, Settings::default()).await;
    let url = node.url.replace("/v1/stream", "/v1/openapi.json");
    let api: Value = reqwest::get(url)
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert_eq!(api["openapi"], "3.1.0");
    let paths: Vec<&String> = api["paths"].as_object().expect("paths").keys().collect();
    assert_eq!(paths, ["/v1/events", "/v1/stream", "/v1/stream/ticket"]);
    let names = |path: &str| -> Vec<String> {
        let parameters = api["paths"][path]["get"]["parameters"]
            .as_array()
            .expect("a list");
        let mut names: Vec<_> = parameters
            .iter()
            .map(|parameter| parameter["name"].as_str().expect("a name").to_owned())
            .collect();
        names.sort_unstable();
        names
    };
    assert_eq!(
        names("/v1/stream"),
        [
            "Last-Event-ID",
            "from",
            "heartbeat",
            "last_event_id",
            "since",
            "ticket"
        ]
    );
    assert_eq!(names("/v1/events"), ["after", "from", "limit", "since", "wait"]);
    let content = &api["paths"]["/v1/stream"]["get"]["responses"]["200"]["content"];
    let example = content["text/event-stream"]["example"].as_str().expect("a text");
    assert!(example.starts_with("retry: "), "{example}");
    for scheme in ["token", "cookie", "ticket"] {
        assert!(
            api["components"]["securitySchemes"][scheme].is_object(),
            "{scheme} in {api}"
        );
    }
    expect_no_dangling_reference(&api, &api);
}

/// That whatever is referred to is there.
fn expect_no_dangling_reference(api: &Value, part: &Value) {
    match part {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str().filter(|_| name == "$ref") {
                    Some(reference) => {
                        let pointer = reference.trim_start_matches('#');
                        assert!(api.pointer(pointer).is_some(), "there is no {reference}");
                    }
                    None => expect_no_dangling_reference(api, value),
                }
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| expect_no_dangling_reference(api, item)),
        _ => {}
    }
}
