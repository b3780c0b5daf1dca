//! The inbox over real HTTP, on real tables.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

mod alerts;
mod announcements;
mod changes;
mod description;
mod faults;
mod notifications;
mod preferences;
mod refusals;
mod retries;
mod told;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use event_log::EventLog;
use projector::{Projector, ProjectorError};
use proto_schemas::UserId;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use service_kit::auth::{Authenticator, Settings as AuthSettings, TokenIssuer};
use service_kit::health::Readiness;
use service_kit::http::Listener;
use service_kit::secret::Secret;
use store::Store;
use tempfile::TempDir;
use test_support::nats::NatsServer;
use test_support::postgres::Postgres;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How many alerts one person may set here.
const MAX_ALERTS: u64 = 3;

/// An inbox with everything behind it: a log, tables, and a projector that can be held.
struct Inbox {
    url: String,
    store: Store,
    log: EventLog,
    nats: NatsServer,
    projector: Option<(CancellationToken, JoinHandle<Result<(), ProjectorError>>)>,
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
        let nats = NatsServer::start().await;
        let log = open_log(nats.url()).await;
        let shutdown = CancellationToken::new();
        let mut inbox = Self {
            url: serve(&store, &log, WAIT, &shutdown).await,
            store,
            log,
            nats,
            projector: None,
            tokens: TokenIssuer::new(&auth()).unwrap(),
            client: reqwest::Client::new(),
            shutdown,
            _folder: folder,
        };
        inbox.release_projector();
        inbox
    }

    /// Holds the tables where they are.
    async fn hold_projector(&mut self) {
        if let Some((shutdown, running)) = self.projector.take() {
            shutdown.cancel();
            running.await.unwrap().unwrap();
        }
    }

    /// Has the tables follow the log.
    fn release_projector(&mut self) {
        let settings = projector::Settings {
            batch_messages: NonZeroUsize::new(100).unwrap(),
        };
        let projector = Projector::new(self.store.clone(), self.log.clone(), settings);
        let shutdown = self.shutdown.child_token();
        let running = projector.run(Readiness::default().gate("projector"), shutdown.clone());
        self.projector = Some((shutdown, tokio::spawn(running)));
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

    /// The same, sent as a request with that name.
    async fn ask_as(
        &self,
        key: &str,
        user: &str,
        (method, path): (Method, &str),
        body: &Value,
    ) -> (StatusCode, Value) {
        let request = self.request(method, path).bearer_auth(self.token(user));
        let request = request.header("idempotency-key", key);
        answer(if body.is_null() {
            request
        } else {
            request.json(body)
        })
        .await
    }

    async fn get(&self, user: &str, path: &str) -> (StatusCode, Value) {
        self.ask(user, Method::GET, path, &Value::Null).await
    }
}

/// How long an inbox of a test waits for the table, where nothing is to be late.
const WAIT: Duration = Duration::from_secs(20);

fn auth() -> AuthSettings {
    AuthSettings {
        hs256_key: Some(Secret::new("k".repeat(32))),
        ..AuthSettings::default()
    }
}

async fn open_log(url: String) -> EventLog {
    let settings = event_log::Settings {
        url,
        ack_timeout: Duration::from_secs(2),
        ..event_log::Settings::default()
    };
    EventLog::open(&settings).await.unwrap()
}

/// One more inbox over the same tables and log, and where it answers.
async fn serve(store: &Store, log: &EventLog, wait: Duration, shutdown: &CancellationToken) -> String {
    let settings = inbox::Settings {
        at_least_wait: wait,
        write_wait: wait,
        max_alerts: MAX_ALERTS,
    };
    let authenticator = Arc::new(Authenticator::new(&auth()).unwrap());
    let router = inbox::router(store.clone(), log.clone(), settings, authenticator);
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.address());
    tokio::spawn(listener.serve(router, shutdown.clone()));
    url
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
