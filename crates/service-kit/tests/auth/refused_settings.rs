//! Settings that a process does not start with.

use std::time::Duration;

use service_kit::auth::{KeyError, Settings};

use crate::process::{Process, by_url};

async fn refused(settings: &Settings) -> KeyError {
    match Process::try_start(settings).await {
        Ok(_) => panic!("started with {settings:?}"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn an_address_that_is_none_or_that_holds_a_password_is_refused() {
    for url in [
        "",
        "keys",
        "/keys",
        "ftp://shop.example/keys",
        "https://u:p@shop.example/keys",
        "http://",
    ] {
        let error = refused(&by_url(url)).await;
        assert!(matches!(error, KeyError::Url { .. }), "{url}: {error}");
    }
}

#[tokio::test]
async fn no_key_two_sets_and_asking_all_the_time_are_refused() {
    assert!(matches!(refused(&Settings::default()).await, KeyError::NoKey));
    let two = Settings {
        jwks_file: Some("keys.json".into()),
        ..by_url("http://127.0.0.1:1/keys")
    };
    assert!(matches!(refused(&two).await, KeyError::TwoSets));
    let often = Settings {
        jwks_refresh: Duration::from_secs(1),
        ..by_url("http://127.0.0.1:1/keys")
    };
    let error = refused(&often).await;
    assert!(matches!(error, KeyError::Refresh { .. }));
    assert_eq!(
        error.to_string(),
        "auth.jwks_refresh is 1s; it must be at least 5s"
    );
}
