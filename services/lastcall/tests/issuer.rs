//! A shop with an issuer of its own and pages of its own: its people read here with its tokens, from its pages.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use chrono::{TimeDelta, Utc};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p256::elliptic_curve::rand_core::OsRng;
use p256::pkcs8::EncodePrivateKey as _;
use reqwest::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE, ORIGIN};
use reqwest::{Client, Response, StatusCode};
use serde_json::json;
use tempfile::TempDir;
use test_support::lastcall::{CLOCK_OFF, Dev, Lastcall};
use tokio::net::TcpListener;

const SHOP: &str = "https://shop.example";

struct Key {
    id: &'static str,
    key: EncodingKey,
}

impl Key {
    fn new(id: &'static str) -> Self {
        let key = p256::SecretKey::random(&mut OsRng).to_pkcs8_der().unwrap();
        let key = EncodingKey::from_ec_der(key.as_bytes());
        Self { id, key }
    }

    fn token(&self, user: &str) -> String {
        let header = Header {
            kid: Some(self.id.to_owned()),
            ..Header::new(Algorithm::ES256)
        };
        let exp = (Utc::now() + TimeDelta::hours(1)).timestamp();
        let claims = json!({ "sub": user, "exp": exp, "iss": SHOP, "aud": ["mail", "lastcall"] });
        jsonwebtoken::encode(&header, &claims, &self.key).unwrap()
    }

    fn published(&self) -> String {
        let mut jwk = Jwk::from_encoding_key(&self.key, Algorithm::ES256).unwrap();
        jwk.common.key_id = Some(self.id.to_owned());
        json!({ "keys": [jwk] }).to_string()
    }
}

type Published = Arc<Mutex<String>>;

/// Where the keys are published, and how to change them.
async fn issuer(key: &Key) -> (String, Published) {
    let published = Published::new(Mutex::new(key.published()));
    let router = Router::new()
        .route(
            "/",
            get(async |State(keys): State<Published>| keys.lock().unwrap().clone()),
        )
        .with_state(Arc::clone(&published));
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", socket.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
    (url, published)
}

fn lastcall(jwks_url: &str) -> Lastcall {
    Lastcall::new(env!("CARGO_BIN_EXE_lastcall"))
        .with(CLOCK_OFF)
        .with([format!("--set=auth.jwks_url={jwks_url}")])
}

async fn ask(dev: &Dev, path: &str, token: &str, origin: &str) -> Response {
    let request = Client::new().get(format!("{}{path}", dev.endpoint("http")));
    let request = request.bearer_auth(token).header(ORIGIN, origin);
    request.send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shops_people_read_from_its_pages_with_tokens_of_its_keys_as_they_change() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let (url, published) = issuer(&old).await;
    let lastcall = lastcall(&url).with([
        format!("--set=auth.issuer={SHOP}"),
        "--set=auth.audience=lastcall".to_owned(),
        format!("--set=http.cors_origins=https://admin.example, {SHOP}"),
    ]);
    let folder = TempDir::new().unwrap();
    let dev = Dev::start(&lastcall, folder.path(), &["--seed=none", "--http=127.0.0.1:0"]).await;
    for (key, paths) in [
        (&old, ["/v1/notifications", "/v1/stream"]),
        (&new, ["/v1/stream", "/v1/notifications"]),
    ] {
        *published.lock().unwrap() = key.published();
        for path in paths {
            let answer = ask(&dev, path, &key.token("anna"), SHOP).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path} with the {} key", key.id);
            assert_eq!(answer.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], SHOP, "{path}");
            let streamed = answer.headers()[CONTENT_TYPE] == "text/event-stream";
            assert_eq!(streamed, path == "/v1/stream");
        }
    }
    for path in ["/v1/notifications", "/v1/stream"] {
        let answer = ask(&dev, path, &Key::new("new").token("anna"), SHOP).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(answer.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], SHOP, "{path}");
        let elsewhere = ask(&dev, path, &new.token("anna"), "https://evil.example").await;
        assert!(
            !elsewhere.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN),
            "{path}"
        );
    }
    // With its keys out of reach nobody can say whether a token of a new one is good: a stream is to come back for it.
    *published.lock().unwrap() = "the issuer is broken".to_owned();
    let unknown = Key::new("newest").token("anna");
    let list = ask(&dev, "/v1/notifications", &unknown, SHOP).await;
    assert_eq!(list.status(), StatusCode::SERVICE_UNAVAILABLE);
    let stream = ask(&dev, "/v1/stream", &unknown, SHOP).await;
    assert_eq!(stream.status(), StatusCode::OK);
    let said = stream.text().await.unwrap();
    assert!(said.starts_with("retry: ") && !said.contains("id:"), "{said}");
    // Tokens of the process's own key are believed besides, if they say the same of themselves.
    let own = lastcall.with([format!("--set=auth.hs256_key={}", dev.endpoint("token_key"))]);
    let own = ask(&dev, "/v1/notifications", &own.token("anna").await, SHOP).await;
    assert_eq!(own.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_issuer_is_away_ends_with_the_reason_and_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let command = [
        "dev",
        "--seed=none",
        "--http=127.0.0.1:0",
        "--data",
        folder.path().to_str().unwrap(),
    ];
    let ended = lastcall("http://127.0.0.1:1/keys").run(command).await;
    assert!(!ended.status.success());
    assert!(
        ended.stderr.contains("from http://127.0.0.1:1/keys"),
        "{}",
        ended.stderr
    );
    assert!(
        !is_named_by_a_process(folder.path()),
        "a nats-server is left behind"
    );

    let any = Lastcall::new(env!("CARGO_BIN_EXE_lastcall")).with(["--set=http.cors_origins=*"]);
    let ended = any.run(command).await;
    assert!(!ended.status.success());
    assert!(ended.stderr.contains("name each origin"), "{}", ended.stderr);
}

fn is_named_by_a_process(folder: &Path) -> bool {
    let listed = Command::new("ps")
        .args(["-ww", "-eo", "command="])
        .output()
        .unwrap();
    String::from_utf8_lossy(&listed.stdout).contains(folder.to_str().unwrap())
}
