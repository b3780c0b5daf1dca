//! Pages of other origins, by a real server and a real client.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use chrono::TimeDelta;
use reqwest::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, ORIGIN, VARY,
};
use reqwest::{Client, Method, RequestBuilder, Response};
use service_kit::auth::{Authenticator, COOKIE_NAME, Identity, Settings, TokenIssuer, Writer};
use service_kit::cors::Origins;
use service_kit::http::Listener;
use service_kit::secret::Secret;
use tokio_util::sync::CancellationToken;

const SHOP: &str = "https://shop.example";

struct Server {
    url: String,
    token: String,
    client: Client,
}

impl Server {
    async fn start(origins: &[&str]) -> Self {
        let settings = Settings {
            hs256_key: Some(Secret::new("0123456789abcdef0123456789abcdef")),
            ..Settings::default()
        };
        let router = Router::new()
            .route("/who", get(async |who: Identity| who.user.as_str().to_owned()))
            .route(
                "/change",
                post(async |who: Writer, _: String| who.user.as_str().to_owned()),
            )
            .route("/panic", get(broken))
            .with_state(Arc::new(Authenticator::new(&settings).unwrap()));
        let origins = Origins::new(origins.iter().copied()).unwrap();
        let listener = Listener::bind("127.0.0.1:0").await.unwrap().for_pages_of(origins);
        let url = format!("http://{}", listener.address());
        tokio::spawn(listener.serve(router, CancellationToken::new()));
        let issuer = TokenIssuer::new(&settings).unwrap();
        let token = issuer
            .issue(&"u42".parse().unwrap(), TimeDelta::hours(1))
            .unwrap();
        let client = Client::new();
        Self { url, token, client }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// By a page of `origin`, with the person's cookie, as browsers make it.
    async fn from(&self, origin: &str, method: Method, path: &str) -> Response {
        let request = self
            .request(method, path)
            .header(ORIGIN, origin)
            .header("cookie", format!("{COOKIE_NAME}={}", self.token))
            .header("sec-fetch-site", "cross-site");
        request.send().await.unwrap()
    }
}

async fn broken() {
    panic!("on purpose");
}

fn is_readable(headers: &HeaderMap) -> bool {
    let origin = headers.get(ACCESS_CONTROL_ALLOW_ORIGIN);
    let credentials = headers.get(ACCESS_CONTROL_ALLOW_CREDENTIALS);
    let varies = headers
        .get_all(VARY)
        .iter()
        .any(|vary| vary.to_str().unwrap().contains("origin"));
    assert!(
        varies,
        "a cache would give one origin's answer to another: {headers:?}"
    );
    origin.is_some_and(|origin| origin == SHOP) && credentials.is_some_and(|yes| yes == "true")
}

fn names(headers: &HeaderMap, header: reqwest::header::HeaderName) -> BTreeSet<String> {
    let listed = headers[header].to_str().unwrap();
    listed
        .split(',')
        .map(|name| name.trim().to_ascii_lowercase())
        .collect()
}

#[tokio::test]
async fn a_page_of_a_listed_origin_reads_answers_and_refusals_alike() {
    let server = Server::start(&["https://admin.example", SHOP]).await;
    for (method, path, status) in [
        (Method::GET, "/who", 200),
        (Method::POST, "/change", 200),
        (Method::GET, "/nowhere", 404),
        (Method::DELETE, "/who", 405),
        (Method::GET, "/panic", 500),
    ] {
        let answer = server.from(SHOP, method, path).await;
        assert_eq!(answer.status(), status, "{path}");
        assert!(is_readable(answer.headers()), "{path}: {:?}", answer.headers());
    }
    let nobody = server
        .request(Method::GET, "/who")
        .header(ORIGIN, SHOP)
        .send()
        .await
        .unwrap();
    assert_eq!(nobody.status(), 401);
    assert!(is_readable(nobody.headers()));
    assert!(names(nobody.headers(), ACCESS_CONTROL_EXPOSE_HEADERS).contains("www-authenticate"));
    let large = server
        .request(Method::POST, "/change")
        .header(ORIGIN, SHOP)
        .bearer_auth(&server.token)
        .body("x".repeat(100_000));
    let large = large.send().await.unwrap();
    assert_eq!(large.status(), 413);
    assert!(is_readable(large.headers()));
}

#[tokio::test]
async fn browsers_are_told_beforehand_what_they_may_send() {
    let server = Server::start(&[SHOP]).await;
    for path in ["/who", "/change", "/nowhere"] {
        let preflight = server
            .request(Method::OPTIONS, path)
            .header(ORIGIN, SHOP)
            .header(ACCESS_CONTROL_REQUEST_METHOD, "PATCH")
            .header(
                ACCESS_CONTROL_REQUEST_HEADERS,
                "authorization,content-type,last-event-id",
            );
        let answer = preflight.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}");
        let headers = answer.headers();
        assert!(is_readable(headers), "{path}: {headers:?}");
        let methods = names(headers, ACCESS_CONTROL_ALLOW_METHODS);
        for method in ["get", "post", "put", "patch", "delete"] {
            assert!(methods.contains(method), "{method} of {methods:?}");
        }
        let allowed = names(headers, ACCESS_CONTROL_ALLOW_HEADERS);
        for header in ["authorization", "content-type", "last-event-id", "cache-control"] {
            assert!(allowed.contains(header), "{header} of {allowed:?}");
        }
        assert!(headers.contains_key(ACCESS_CONTROL_MAX_AGE));
    }
}

#[tokio::test]
async fn a_page_of_any_other_origin_reads_nothing_and_changes_nothing() {
    let server = Server::start(&[SHOP]).await;
    for origin in [
        "https://evil.example",
        "http://shop.example",
        "https://shop.example:8443",
        "https://shop.example.evil.example",
        "https://evilshop.example",
        "null",
    ] {
        let read = server.from(origin, Method::GET, "/who").await;
        assert!(!is_readable(read.headers()), "{origin}");
        assert!(
            !read.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN),
            "{origin}"
        );
        let changed = server.from(origin, Method::POST, "/change").await;
        assert_eq!(changed.status(), 403, "{origin}");
        let preflight = server.from(origin, Method::OPTIONS, "/change").await;
        assert!(
            !preflight.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN),
            "{origin}"
        );
    }
}

#[tokio::test]
async fn without_origins_nothing_is_said_to_browsers() {
    let server = Server::start(&[]).await;
    for (method, path) in [
        (Method::GET, "/who"),
        (Method::OPTIONS, "/who"),
        (Method::GET, "/nowhere"),
    ] {
        let answer = server.from(SHOP, method, path).await;
        let said = answer
            .headers()
            .keys()
            .filter(|name| name.as_str().starts_with("access-control"));
        assert_eq!(said.count(), 0, "{path}");
        assert!(!answer.headers().contains_key(VARY));
    }
    assert_eq!(server.from(SHOP, Method::POST, "/change").await.status(), 403);
}
