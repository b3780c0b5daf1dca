use axum::http::HeaderMap;
use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;

pub(super) fn settings(key: &str) -> Settings {
    Settings {
        hs256_key: Some(Secret::new(key)),
        ..Settings::default()
    }
}

pub(super) const KEY: &str = "0123456789abcdef0123456789abcdef";

pub(super) fn token(settings: &Settings, user: &str, lifetime: TimeDelta) -> String {
    TokenIssuer::new(settings)
        .unwrap()
        .issue(&UserId::new(user).unwrap(), lifetime)
        .unwrap()
}

fn headers(name: &'static str, value: &str) -> HeaderMap {
    HeaderMap::from_iter([(axum::http::HeaderName::from_static(name), value.parse().unwrap())])
}

#[tokio::test]
async fn the_user_is_the_subject_of_a_valid_token_from_header_or_cookie() {
    let settings = settings(KEY);
    let authenticator = Authenticator::new(&settings).unwrap();
    let token = token(&settings, "u42", TimeDelta::hours(1));
    for headers in [
        headers("authorization", &format!("bearer {token}")),
        headers("cookie", &format!("theme=dark; {COOKIE_NAME}={token}")),
    ] {
        let (identity, _) = authenticator.identify(&headers).await.unwrap();
        assert_eq!(identity.user.as_str(), "u42");
    }
}

#[tokio::test]
async fn what_is_expired_unsigned_foreign_or_missing_is_refused() {
    let authenticator = Authenticator::new(&settings(KEY)).unwrap();
    let expired = token(&settings(KEY), "u42", TimeDelta::hours(-1));
    let foreign = token(
        &settings("another key of at least 32 bytes!"),
        "u42",
        TimeDelta::hours(1),
    );
    // {"alg":"none"} {"sub":"u42","exp":99999999999}
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1NDIiLCJleHAiOjk5OTk5OTk5OTk5fQ.";
    for bad in [expired.as_str(), foreign.as_str(), unsigned, "", "x.y.z"] {
        assert_eq!(authenticator.check(bad).await.unwrap_err().status, 401, "{bad:?}");
    }
    for headers in [HeaderMap::new(), headers("authorization", "Basic dTpw")] {
        let refusal = authenticator.identify(&headers).await.unwrap_err();
        assert_eq!(refusal.status, 401, "{headers:?}");
    }
}

#[tokio::test]
async fn issuer_and_audience_are_checked_where_they_are_set() {
    let strict = Settings {
        issuer: Some("shop".into()),
        audience: Some("lastcall".into()),
        ..settings(KEY)
    };
    let authenticator = Authenticator::new(&strict).unwrap();
    let good = token(&strict, "u42", TimeDelta::hours(1));
    assert!(authenticator.check(&good).await.is_ok());
    let foreign = token(&settings(KEY), "u42", TimeDelta::hours(1));
    assert!(authenticator.check(&foreign).await.is_err());
}

#[tokio::test]
async fn a_token_allows_what_its_scope_says() {
    let settings = settings(KEY);
    let (authenticator, tokens) = (
        Authenticator::new(&settings).unwrap(),
        TokenIssuer::new(&settings).unwrap(),
    );
    let user = UserId::new("u42").unwrap();
    let scopes = async |scope: Option<&str>| {
        let token = tokens
            .issue_with_scope(&user, TimeDelta::hours(1), scope)
            .unwrap();
        authenticator.check(&token).await.unwrap().scopes
    };
    assert!(
        scopes(Some("other announcements:write"))
            .await
            .allow("announcements:write")
    );
    assert!(!scopes(Some("other")).await.allow("announcements:write"));
    assert!(!scopes(None).await.allow("announcements:write"));
}

#[test]
fn a_short_key_is_refused_and_no_key_is_ever_shown() {
    assert!(matches!(
        Authenticator::new(&settings("short")),
        Err(KeyError::Short(5))
    ));
    assert!(matches!(
        Authenticator::new(&Settings::default()),
        Err(KeyError::NoKey)
    ));
    assert!(!format!("{:?}", settings(KEY)).contains(KEY));
}

#[test]
fn a_key_set_where_nothing_keeps_it_current_is_an_error() {
    let of_a_file = Settings {
        jwks_file: Some("keys.json".into()),
        ..settings(KEY)
    };
    assert!(matches!(Authenticator::new(&of_a_file), Err(KeyError::NotKept)));
}

#[tokio::test]
async fn a_token_that_is_no_text_or_far_too_large_is_refused() {
    let authenticator = Authenticator::new(&settings(KEY)).unwrap();
    let good = token(&settings(KEY), "u42", TimeDelta::hours(1));
    let large = format!("{good}{}", "A".repeat(MAX_TOKEN_BYTES));
    assert_eq!(authenticator.check(&large).await.unwrap_err().status, 401);
    for name in ["authorization", "cookie"] {
        let mut headers = HeaderMap::new();
        let bytes = [b"Bearer lastcall_token=\xff\xfe".as_slice(), good.as_bytes()].concat();
        headers.insert(name, axum::http::HeaderValue::from_bytes(&bytes).unwrap());
        assert_eq!(
            authenticator.identify(&headers).await.unwrap_err().status,
            401,
            "{name}"
        );
    }
}

/// Whatever is sent instead of a token.
fn anything() -> impl Strategy<Value = Vec<u8>> {
    let good = token(&settings(KEY), "u42", TimeDelta::hours(1)).into_bytes();
    let part = prop_oneof![
        Just("eyJhbGciOiJIUzI1NiJ9".to_owned()),
        Just("eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ".to_owned()),
        "[A-Za-z0-9_-]{0,60}",
        ".{0,20}",
    ];
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        proptest::collection::vec(part, 0..5).prop_map(|parts| parts.join(".").into_bytes()),
        // One byte of a good one is another, or something is missing.
        (any::<proptest::sample::Index>(), 1_u8..=255).prop_map({
            let good = good.clone();
            move |(at, change)| {
                let mut token = good.clone();
                let at = at.index(token.len());
                token[at] ^= change;
                token
            }
        }),
        any::<proptest::sample::Index>().prop_map(move |at| good[..at.index(good.len())].to_vec()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_is_sent_instead_of_a_token_is_refused_with_401(bytes in anything()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let authenticator = Authenticator::new(&settings(KEY)).unwrap();
        for (name, prefix) in [("authorization", "Bearer "), ("cookie", "lastcall_token=")] {
            let value = [prefix.as_bytes(), &bytes].concat();
            let Ok(value) = axum::http::HeaderValue::from_bytes(&value) else {
                continue;
            };
            let headers = HeaderMap::from_iter([(axum::http::HeaderName::from_static(name), value)]);
            let refusal = runtime.block_on(authenticator.identify(&headers)).unwrap_err();
            prop_assert_eq!(refusal.status, 401);
        }
    }
}
