//! A page of another site with the browser's own `EventSource`: it can set no header there and has no cookie.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use chrono::TimeDelta;
use event_log::{EventLog, Record};
use proto_schemas::{Recipient, UserId};
use serde_json::{Value, json};
use service_kit::auth::{Settings, TokenIssuer};
use service_kit::secret::Secret;
use tempfile::TempDir;
use test_support::browser::in_browser;
use test_support::lastcall::{CLOCK_OFF, Dev, Lastcall, eventually};
use tokio::net::TcpListener;
use uuid::Uuid;

/// So short that some of them end while the page is open.
const TOKEN_LIFE: TimeDelta = TimeDelta::seconds(4);

/// Streams that the page has to open, each with a token and a ticket of its own.
const STREAMS: u64 = 4;

const PAGE: &str = "<!doctype html><script>
    const heard = [];
    let opened = 0, warned = 0;
    async function listen(edge, last) {
        const token = await (await fetch('/token')).text();
        const headers = { authorization: `Bearer ${token}` };
        const made = await fetch(`${edge}/v1/stream/ticket`, { method: 'POST', headers });
        const { ticket } = await made.json();
        const start = last ? `last_event_id=${last}` : 'from=earliest';
        const source = new EventSource(`${edge}/v1/stream?ticket=${ticket}&${start}`);
        source.onopen = () => opened += 1;
        source.onmessage = event => { heard.push(event.data); last = event.lastEventId; };
        source.addEventListener('reauth', event => { warned += 1; last = event.lastEventId; });
        source.onerror = () => { source.close(); listen(edge, last); };
    }
</script>";

fn anna() -> UserId {
    UserId::new("anna").unwrap()
}

/// A site that gives its people tokens.
fn shop(socket: TcpListener, token_key: &str) {
    let settings = Settings {
        hs256_key: Some(Secret::new(token_key)),
        ..Settings::default()
    };
    let issuer = Arc::new(TokenIssuer::new(&settings).unwrap());
    let router = Router::new().route("/", get(async || Html(PAGE))).route(
        "/token",
        get(async move || issuer.issue(&anna(), TOKEN_LIFE).unwrap()),
    );
    tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
}

/// Appends one event after the other.
async fn tell(log: &EventLog, number: usize) {
    let record = Record {
        recipient: Recipient::User(anna()),
        id: Uuid::new_v4(),
        payload: number.to_string().into(),
    };
    log.append(&[record]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_event_source_of_another_site_goes_on_with_tickets_while_tokens_end() {
    let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tickets.png");
    in_browser(&picture, async |page| {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let site = format!("http://{}", socket.local_addr().unwrap());
        let lastcall = Lastcall::new(env!("CARGO_BIN_EXE_lastcall"))
            .with(CLOCK_OFF)
            .with([
                &format!("--set=http.cors_origins={site}"),
                "--set=edge.reauth_ahead=2s",
            ]);
        let folder = TempDir::new().unwrap();
        let dev = Dev::start(&lastcall, folder.path(), &["--seed=none", "--http=127.0.0.1:0"]).await;
        shop(socket, dev.endpoint("token_key"));
        let settings = event_log::Settings {
            url: dev.endpoint("nats").to_owned(),
            ..event_log::Settings::default()
        };
        let log = EventLog::open(&settings).await.unwrap();
        page.goto(&site).await.unwrap();
        page.execute("listen(arguments[0])", vec![json!(dev.endpoint("http"))])
            .await
            .unwrap();
        let mut told = 0;
        let mut seen = Value::Null;
        while seen["opened"].as_u64() < Some(STREAMS) {
            tell(&log, told).await;
            told += 1;
            let arrived = eventually("the page has heard of it", async || {
                let seen = page
                    .execute("return { heard, opened, warned }", vec![])
                    .await
                    .unwrap();
                (seen["heard"].as_array().unwrap().len() >= told).then_some(seen)
            });
            seen = arrived.await;
        }
        let all: Vec<String> = (0..told).map(|number| number.to_string()).collect();
        assert_eq!(seen["heard"], json!(all), "each once and in order");
        assert!(
            seen["warned"].as_u64() >= Some(STREAMS - 1),
            "told ahead of each end: {seen}"
        );
    })
    .await;
}
