//! Keys that come and go.

use std::time::{Duration, Instant};

use service_kit::auth::Settings;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::issuer::{Answer, Issuer};
use crate::process::{Process, by_file, by_url};
use crate::signing_key::{SigningKey, key_set};

/// Between the beginnings of two questions to an issuer.
const PAUSE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_new_key_is_believed_with_the_first_token_that_names_it_and_the_old_one_no_more() {
    let (old, new) = (SigningKey::p256(), SigningKey::rsa_1());
    let issuer = Issuer::start(Answer::Text(key_set([old.named("old")]))).await;
    let process = Process::start(&by_url(issuer.url())).await;
    assert_eq!(process.check(&old.token(Some("old"))).await, Ok("u42".to_owned()));

    issuer.answers(Answer::Text(key_set([new.named("new")])));
    // Once, not after some tries: a browser does not try again.
    assert_eq!(process.check(&new.token(Some("new"))).await, Ok("u42".to_owned()));
    assert_eq!(issuer.asked(), 2);
    assert_eq!(process.check(&old.token(Some("old"))).await, Err(401));
}

#[tokio::test]
async fn keys_without_ids_change_as_well() {
    let (old, new) = (SigningKey::p256(), SigningKey::p256());
    let issuer = Issuer::start(Answer::Text(key_set([old.public()]))).await;
    let process = Process::start(&by_url(issuer.url())).await;
    issuer.answers(Answer::Text(key_set([new.public()])));
    assert_eq!(process.check(&new.token(None)).await, Ok("u42".to_owned()));
}

#[tokio::test]
async fn a_key_that_was_taken_back_is_refused_after_the_next_reading() {
    let (kept, gone) = (SigningKey::p256(), SigningKey::p256());
    let issuer = Issuer::start(Answer::Text(key_set([kept.named("kept"), gone.named("gone")]))).await;
    let settings = Settings {
        jwks_refresh: PAUSE,
        ..by_url(issuer.url())
    };
    let process = Process::start(&settings).await;
    assert_eq!(
        process.check(&gone.token(Some("gone"))).await,
        Ok("u42".to_owned())
    );
    issuer.answers(Answer::Text(key_set([kept.named("kept")])));
    process.comes_to(&gone.token(Some("gone")), Err(401)).await;
    assert_eq!(
        process.check(&kept.token(Some("kept"))).await,
        Ok("u42".to_owned())
    );
}

#[tokio::test]
async fn a_flood_of_unknown_keys_reaches_the_issuer_as_a_trickle_and_keeps_nobody_out() {
    let (known, new) = (SigningKey::p256(), SigningKey::p256());
    let issuer = Issuer::start(Answer::Text(key_set([known.named("known")]))).await;
    let process = std::sync::Arc::new(Process::start(&by_url(issuer.url())).await);
    let began = Instant::now();
    let mut flood = JoinSet::new();
    for sender in 0..50 {
        let process = std::sync::Arc::clone(&process);
        flood.spawn(async move {
            let key = SigningKey::p256();
            for round in 0..2 {
                let token = key.token(Some(&format!("unknown-{sender}-{round}")));
                assert_eq!(process.check(&token).await, Err(401));
            }
        });
    }
    issuer.answers(Answer::Text(key_set([known.named("known"), new.named("new")])));
    assert_eq!(
        process.check(&known.token(Some("known"))).await,
        Ok("u42".to_owned())
    );
    assert_eq!(process.check(&new.token(Some("new"))).await, Ok("u42".to_owned()));
    flood.join_all().await;
    let allowed = 2 + began.elapsed().as_secs() / PAUSE.as_secs();
    let asked = issuer.asked() as u64;
    assert!(
        (2..=allowed).contains(&asked),
        "asked {asked} times in {:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn more_unknown_keys_than_can_wait_are_answered_at_once() {
    let known = SigningKey::p256();
    let issuer = Issuer::start(Answer::Text(key_set([known.named("known")]))).await;
    let process = Process::start(&by_url(issuer.url())).await;
    let unknown = SigningKey::p256().token(Some("unknown"));
    let checks = (0..1_010).map(|_| process.check(&unknown));
    let answers = futures::future::join_all(checks).await;
    let of = |status| answers.iter().filter(|answer| **answer == Err(status)).count();
    assert_eq!((of(401), of(503)), (1_000, 10));
    // Their places are free again.
    assert_eq!(process.check(&unknown).await, Err(401));
}

#[tokio::test]
async fn a_file_is_read_again_when_it_changes_and_keeps_its_keys_when_it_breaks() {
    let (old, new) = (SigningKey::p256(), SigningKey::rsa_1());
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("keys.json");
    let put = |text: &str| {
        let beside = folder.path().join("keys.json.new");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(&beside, &file).unwrap();
    };
    put(&key_set([old.named("old")]));
    let process = Process::start(&by_file(&file)).await;
    assert_eq!(process.check(&old.token(Some("old"))).await, Ok("u42".to_owned()));

    put(&key_set([new.named("new")]));
    assert_eq!(process.check(&new.token(Some("new"))).await, Ok("u42".to_owned()));
    assert_eq!(process.check(&old.token(Some("old"))).await, Err(401));

    for broken in ["{\"keys\": [", "{\"keys\": []}"] {
        put(broken);
        process.comes_to(&old.token(Some("old")), Err(503)).await;
        assert_eq!(process.check(&new.token(Some("new"))).await, Ok("u42".to_owned()));
    }
    std::fs::remove_file(&file).unwrap();
    process.comes_to(&old.token(Some("old")), Err(503)).await;
    assert_eq!(process.check(&new.token(Some("new"))).await, Ok("u42".to_owned()));

    // Nobody names an unknown key now: it is read again all the same.
    put(&key_set([old.named("old")]));
    process.comes_to(&new.token(Some("new")), Err(401)).await;
    assert_eq!(process.check(&old.token(Some("old"))).await, Ok("u42".to_owned()));
}
