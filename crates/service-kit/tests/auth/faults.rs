//! Issuers that fail.

use std::time::{Duration, Instant};

use axum::http::StatusCode;

use crate::issuer::{Answer, Issuer};
use crate::process::{Process, by_file, by_url};
use crate::signing_key::{SigningKey, key_set};

/// A check of a token whose key is known does not notice.
const NOW: Duration = Duration::from_secs(1);

/// More than is read.
const LARGE: usize = 300 * 1024;

fn failures() -> [(Answer, &'static str); 8] {
    let elsewhere = "http://127.0.0.1:1/keys".to_owned();
    [
        (Answer::Status(StatusCode::INTERNAL_SERVER_ERROR), "500"),
        (Answer::Redirect(elsewhere), "302"),
        (Answer::Text("<html>".to_owned()), "no JSON Web Key Set"),
        (Answer::Text("{}".to_owned()), "no JSON Web Key Set"),
        (Answer::Text(key_set([])), "none of its 0 keys"),
        (Answer::Text(" ".repeat(LARGE)), "at most 262144 bytes"),
        (Answer::Endless, "at most 262144 bytes"),
        (Answer::Nothing, "longer than 5s"),
    ]
}

async fn said_at_start(settings: &service_kit::auth::Settings) -> String {
    match Process::try_start(settings).await {
        Ok(_) => panic!("started with {settings:?}"),
        Err(error) => service_kit::telemetry::chain(&error),
    }
}

#[tokio::test]
async fn a_process_does_not_start_without_its_keys_and_says_why() {
    for (answer, why) in failures() {
        let issuer = Issuer::start(answer).await;
        let said = said_at_start(&by_url(issuer.url())).await;
        assert!(said.contains(why), "{said}");
        assert!(said.contains(&issuer.url()), "{said}");
    }
    let nobody = said_at_start(&by_url("http://127.0.0.1:1/keys")).await;
    assert!(
        nobody.contains("http://127.0.0.1:1/keys: the server cannot be asked"),
        "{nobody}"
    );
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("keys.json");
    let said = said_at_start(&by_file(&missing)).await;
    assert!(said.contains("keys.json: the file cannot be read"), "{said}");
    std::fs::write(&missing, vec![b' '; LARGE]).unwrap();
    let said = said_at_start(&by_file(&missing)).await;
    assert!(said.contains("more than 262144 bytes"), "{said}");
}

#[tokio::test]
async fn while_the_issuer_fails_known_keys_stay_good_and_of_others_nothing_is_said() {
    let mut cases = tokio::task::JoinSet::new();
    for (failure, _) in failures() {
        cases.spawn(async move {
            let (known, new) = (SigningKey::p256(), SigningKey::p256());
            let good = || key_set([known.named("known")]);
            let issuer = Issuer::start(Answer::Text(good())).await;
            let process = Process::start(&by_url(issuer.url())).await;
            issuer.answers(failure.clone());
            let (known_token, new_token) = (known.token(Some("known")), new.token(Some("new")));
            let unknown = process.check(&new_token);
            let meanwhile = async {
                let asked = Instant::now();
                assert_eq!(process.check(&known_token).await, Ok("u42".to_owned()));
                assert!(asked.elapsed() < NOW, "{failure:?}: {:?}", asked.elapsed());
            };
            let (unknown, ()) = tokio::join!(unknown, meanwhile);
            // Not 401: the token may be good, and a browser would give up for good.
            assert_eq!(unknown, Err(503), "{failure:?}");
            assert_eq!(process.check(&known_token).await, Ok("u42".to_owned()));

            issuer.answers(Answer::Text(key_set([known.named("known"), new.named("new")])));
            process.comes_to(&new_token, Ok("u42")).await;
            let failed = "lastcall_auth_key_set_readings_total{result=\"failed\"} ";
            assert!(process.metric(failed).await >= 1.0, "{failure:?}");
            let succeeded = "lastcall_auth_key_set_readings_total{result=\"succeeded\"} ";
            assert!(process.metric(succeeded).await >= 2.0, "{failure:?}");
            let last = "lastcall_auth_key_set_last_reading_timestamp_seconds ";
            assert!(process.metric(last).await > 1.7e9);
        });
    }
    cases.join_all().await;
}
