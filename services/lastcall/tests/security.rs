//! Nobody gets anything without a token that we signed, and nobody gets what is another one's.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use chrono::{Days, TimeDelta, Utc};
use reqwest::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use service_kit::auth::{Settings, TokenIssuer};
use service_kit::secret::Secret;
use tempfile::TempDir;
use test_support::csv_file;
use test_support::lastcall::{CLOCK_OFF, Dev, LIMIT, Lastcall, eventually};
use test_support::person::Person;
use tokio::task::JoinSet;

const PROTECTED: [&str; 4] = [
    "/v1/notifications",
    "/v1/notifications/unread-count",
    "/v1/notifications/exists",
    "/v1/stream?from=earliest",
];

/// Ids that would reach further than one person if they were put into a subject as they are.
const USERS: [&str; 7] = ["anna", "ben", "*", ">", "anna.>", "evt.all", "an%6Ea"];

const COUPONS_EACH: usize = 2;

async fn start(folder: &TempDir) -> Dev {
    let lastcall = Lastcall::new(env!("CARGO_BIN_EXE_lastcall"))
        .with(CLOCK_OFF)
        .with(["--set=edge.heartbeat=200ms"]);
    Dev::start(&lastcall, folder.path(), &["--seed=none", "--http=127.0.0.1:0"]).await
}

fn token(key: &str, lifetime: TimeDelta) -> String {
    let settings = Settings {
        hs256_key: Some(Secret::new(key)),
        ..Settings::default()
    };
    let issuer = TokenIssuer::new(&settings).unwrap();
    issuer.issue(&"anna".parse().unwrap(), lifetime).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_that_we_signed_and_that_still_holds_everything_is_refused() {
    let folder = TempDir::new().unwrap();
    let dev = start(&folder).await;
    let ours = dev.endpoint("token_key");
    let expired = token(ours, TimeDelta::hours(-1));
    let foreign = token("another key with more than thirty-two bytes", TimeDelta::hours(1));
    // {"alg":"none"} {"sub":"anna","exp":99999999999}
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm5hIiwiZXhwIjo5OTk5OTk5OTk5OX0.".to_owned();
    let bad = [
        None,
        Some(String::new()),
        Some("a.b.c".to_owned()),
        Some(unsigned),
        Some(expired),
        Some(foreign),
    ];
    let http = Client::new();
    for path in PROTECTED {
        let url = format!("{}{path}", dev.endpoint("http"));
        for token in &bad {
            let mut requests = vec![http.get(&url)];
            if let Some(token) = token {
                requests = vec![
                    http.get(&url).bearer_auth(token),
                    http.get(&url).header("cookie", format!("lastcall_token={token}")),
                ];
            }
            for request in requests {
                let answer = request.send().await.unwrap();
                assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path} with {token:?}");
                assert_eq!(answer.headers()[CONTENT_TYPE], "application/problem+json");
                assert_eq!(answer.headers()[WWW_AUTHENTICATE], "Bearer");
                let problem: Value = answer.json().await.unwrap();
                assert_eq!(problem["status"], 401);
                assert_eq!(problem["type"], "urn:lastcall:problem:unauthenticated");
            }
        }
        let good = http.get(&url).bearer_auth(token(ours, TimeDelta::hours(1)));
        assert_eq!(
            good.send().await.unwrap().status(),
            StatusCode::OK,
            "{path} with a good one"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_what_is_another_ones_whatever_cursor_they_send() {
    let folder = TempDir::new().unwrap();
    let dev = start(&folder).await;
    let tomorrow = (Utc::now().date_naive() + Days::new(1)).to_string();
    // One after the other, so that everybody's events lie between those of others.
    let count = USERS.len() * COUPONS_EACH;
    let rows = (0..count).map(|i| {
        vec![
            format!("c{i:02}"),
            USERS[i % USERS.len()].to_owned(),
            tomorrow.clone(),
        ]
    });
    let file = folder.path().join("coupons.csv");
    csv_file::write(&file, &["id", "user_id", "expires_on"], rows);
    let import = ["import", "coupons", file.to_str().unwrap(), "--json"];
    assert_eq!(dev.lastcall.json(import).await["accepted"], count);
    let run = ["jobs", "run", "coupon-expiring", "--json"];
    assert_eq!(dev.lastcall.json(run).await["emitted"], count);

    let mut everybody = JoinSet::new();
    for (index, user) in USERS.into_iter().enumerate() {
        let person = dev.person(user).await;
        let coupons = (0..COUPONS_EACH).map(|n| format!("coupon/c{:02}", index + n * USERS.len()));
        everybody.spawn(sees_only_its_own(person, coupons.collect(), count as u64));
    }
    everybody.join_all().await;
}

/// From every position there is: whatever comes is theirs, and from the beginning all of it comes.
async fn sees_only_its_own(person: Person, own: HashSet<String>, last: u64) {
    let reached = || async { (person.projected().await >= last).then_some(()) };
    eventually("the table has everything", reached).await;
    let listed = person.notifications().await;
    assert_eq!(subjects(&listed), own);
    assert_eq!(person.unread().await, own.len() as u64);
    let epoch = listed[0]["cursor"].as_str().unwrap().split('.').next().unwrap();
    let end = format!("id: {epoch}.{last}\n");
    for sequence in 0..=last {
        let (status, page) = person
            .get(&format!("/v1/notifications?before={epoch}.{sequence}"))
            .await;
        assert_eq!(status, StatusCode::OK);
        let listed = subjects(page["notifications"].as_array().unwrap());
        assert!(listed.is_subset(&own), "{listed:?} before {sequence}");

        let mut stream = person.stream(&format!("?last_event_id={epoch}.{sequence}")).await;
        // A heartbeat names a position only when everything up to it was sent.
        stream.read_until(LIMIT, |text| text.contains(&end)).await;
        let events: Vec<Value> = stream
            .text()
            .lines()
            .filter_map(|line| Some(serde_json::from_str(line.strip_prefix("data: ")?).unwrap()))
            .collect();
        let streamed = subjects(&events);
        assert!(streamed.is_subset(&own), "{streamed:?} after {sequence}");
        assert!(sequence > 0 || streamed == own, "all of it, from the beginning");
    }
}

fn subjects(notifications: &[Value]) -> HashSet<String> {
    let subjects = notifications.iter().map(|each| each["subject"].as_str());
    subjects.map(|subject| subject.unwrap().to_owned()).collect()
}
