//! The inbox over real HTTP, on real tables.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

mod alerts;
mod notifications;
mod refusals;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use proto_schemas::UserId;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use service_kit::auth::{Authenticator, Settings as AuthSettings, TokenIssuer};
use service_kit::http::Listener;
use service_kit::secret::Secret;
use store::Store;
use tempfile::TempDir;
use test_support::postgres::Postgres;
use tokio_util::sync::CancellationToken;

/// How many alerts one person may set here.
const MAX_ALERTS: u64 = 3;

struct Inbox {
    url: String,
    store: Store,
    tokens: TokenIssuer,
    client: reqwest::Client,
    shutdown: CancellationToken,
    _folder: Option<TempDir>,
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Inbox {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("tables.db").display());
        Self::over(url, Some(folder)).await
    }

    /// Nothing where this machine has no PostgreSQL.
    async fn start_on_postgres() -> Option<Self> {
        let server = Postgres::start().await?;
        Some(Self::over(server.url().to_owned(), None).await)
    }

    async fn over(url: String, folder: Option<TempDir>) -> Self {
        let store = Store::connect(&store::Settings {
            url,
            ..store::Settings::default()
        })
        .await
        .unwrap();
        store.migrate().await.unwrap();
        let auth = AuthSettings {
            hs256_key: Some(Secret::new("k".repeat(32))),
            ..AuthSettings::default()
        };
        let settings = inbox::Settings {
            at_least_wait: Duration::from_millis(300),
            max_alerts: MAX_ALERTS,
        };
        let authenticator = Arc::new(Authenticator::new(&auth).unwrap());
        let router = inbox::router(store.clone(), settings, authenticator);
        let listener = Listener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.address());
        let shutdown = CancellationToken::new();
        tokio::spawn(listener.serve(router, shutdown.clone()));
        Self {
            url,
            store,
            tokens: TokenIssuer::new(&auth).unwrap(),
            client: reqwest::Client::new(),
            shutdown,
            _folder: folder,
        }
    }

    fn token(&self, user: &str) -> String {
        let user = UserId::new(user).unwrap();
        self.tokens.issue(&user, TimeDelta::hours(1)).unwrap()
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// What a person is answered; a request without a body is one with `null`.
    async fn ask(&self, user: &str, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let mut request = self.request(method, path).bearer_auth(self.token(user));
        if !body.is_null() {
            request = request.json(body);
        }
        answer(request).await
    }

    async fn get(&self, user: &str, path: &str) -> (StatusCode, Value) {
        self.ask(user, Method::GET, path, &Value::Null).await
    }
}

/// The status and the body; no body is `null`.
async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    let body = response.bytes().await.unwrap();
    if body.is_empty() {
        return (status, Value::Null);
    }
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn the_served_description_names_every_route() {
    let inbox = Inbox::start().await;
    let response = inbox
        .client
        .get(format!("{}/v1/openapi.json", inbox.url))
        .send()
        .await
        .unwrap();
    let api: Value = response.json().await.unwrap();
    let paths: Vec<&String> = api["paths"].as_object().unwrap().keys().collect();
    assert_eq!(
        paths,
        [
            "/v1/alerts",
            "/v1/alerts/{id}",
            "/v1/notifications",
            "/v1/notifications/exists",
            "/v1/notifications/unread-count"
        ]
    );
}
