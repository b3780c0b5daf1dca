//! Which key verifies which token.

use chrono::TimeDelta;
use serde_json::json;
use service_kit::auth::{Settings, TokenIssuer};
use service_kit::secret::Secret;
use tempfile::NamedTempFile;

use crate::process::{Process, by_file};
use crate::signing_key::{SigningKey, claims, key_set, with};

fn file(keys: impl IntoIterator<Item = serde_json::Value>) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), key_set(keys)).unwrap();
    file
}

#[tokio::test]
async fn tokens_of_all_three_algorithms_are_believed_side_by_side() {
    let (rsa, ec) = (SigningKey::rsa_1(), SigningKey::p256());
    let file = file([rsa.named("r"), ec.named("e")]);
    let settings = Settings {
        hs256_key: Some(Secret::new("0123456789abcdef0123456789abcdef")),
        ..by_file(file.path())
    };
    let process = Process::start(&settings).await;
    let own = TokenIssuer::new(&settings).unwrap();
    let own = own.issue(&"u42".parse().unwrap(), TimeDelta::hours(1)).unwrap();
    for token in [rsa.token(Some("r")), ec.token(Some("e")), own.clone()] {
        assert_eq!(process.check(&token).await, Ok("u42".to_owned()));
    }
    // Without the secret, nobody's HS256 is believed.
    let public_only = Process::start(&by_file(file.path())).await;
    assert_eq!(public_only.check(&own).await, Err(401));
    assert_eq!(
        public_only.check(&rsa.token(Some("r"))).await,
        Ok("u42".to_owned())
    );
}

#[tokio::test]
async fn keys_without_an_id_are_chosen_by_their_algorithm() {
    let (rsa, other, ec) = (SigningKey::rsa_1(), SigningKey::rsa_2(), SigningKey::p256());
    let file = file([other.public(), rsa.public(), ec.public()]);
    let process = Process::start(&by_file(file.path())).await;
    for key in [rsa, other, &ec] {
        assert_eq!(process.check(&key.token(None)).await, Ok("u42".to_owned()));
        assert_eq!(process.check(&key.token(Some("any"))).await, Ok("u42".to_owned()));
    }
    assert_eq!(process.check(&SigningKey::p256().token(None)).await, Err(401));
}

#[tokio::test]
async fn a_key_that_is_for_something_else_verifies_nothing_and_spoils_no_other() {
    let (rsa, good) = (SigningKey::rsa_1(), SigningKey::p256());
    let (ec, small) = (SigningKey::p256(), SigningKey::rsa(1024));
    let beside = [
        with(rsa.named("encrypts"), &json!({ "use": "enc" })),
        with(rsa.named("signs-only"), &json!({ "key_ops": ["sign"] })),
        with(rsa.named("pss"), &json!({ "alg": "PS256" })),
        with(rsa.named("hmac"), &json!({ "alg": "HS256" })),
        with(ec.named("another-curve"), &json!({ "crv": "P-384" })),
        with(ec.named("off-the-curve"), &json!({ "x": good.public()["x"] })),
        with(ec.named("no-curve"), &json!({ "crv": null })),
        with(ec.named("short"), &json!({ "y": "AAAA" })),
        with(rsa.named("no-number"), &json!({ "n": "%%%" })),
        json!({ "kid": "no-parameters", "kty": "RSA" }),
        json!({ "kid": "secret", "kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0" }),
        json!({ "kid": 7, "kty": "RSA" }),
        json!({ "kid": "of-no-type" }),
        json!("no object"),
        small.named("small"),
        good.named("good"),
    ];
    let file = file(beside);
    let process = Process::start(&by_file(file.path())).await;
    assert_eq!(
        process.check(&good.token(Some("good"))).await,
        Ok("u42".to_owned())
    );
    let refused = [
        (rsa, "encrypts"),
        (rsa, "signs-only"),
        (rsa, "pss"),
        (rsa, "hmac"),
        (&ec, "another-curve"),
        (&ec, "off-the-curve"),
        (&ec, "no-curve"),
        (&ec, "short"),
        (&small, "small"),
    ];
    let checks = refused.map(|(key, id)| {
        let token = key.token(Some(id));
        let process = &process;
        async move { assert_eq!(process.check(&token).await, Err(401), "{id}") }
    });
    futures::future::join_all(checks).await;
}

#[tokio::test]
async fn a_token_for_several_audiences_is_believed_when_ours_is_among_them() {
    let key = SigningKey::p256();
    let file = file([key.named("e")]);
    let settings = Settings {
        audience: Some("lastcall".into()),
        issuer: Some("https://shop.example".into()),
        ..by_file(file.path())
    };
    let process = Process::start(&settings).await;
    let answer = async |others: serde_json::Value| {
        let token = key.sign(&key.header(Some("e")), &claims(&others));
        process.check(&token).await
    };
    let issuer = "https://shop.example";
    for audience in [json!("lastcall"), json!(["shop", "lastcall"])] {
        assert_eq!(
            answer(json!({ "iss": issuer, "aud": audience })).await,
            Ok("u42".to_owned())
        );
    }
    for wrong in [
        json!({ "iss": issuer, "aud": ["shop", "mail"] }),
        json!({ "iss": issuer, "aud": [] }),
        json!({ "iss": issuer, "aud": 7 }),
        json!({ "iss": issuer }),
        json!({ "iss": "https://evil.example", "aud": "lastcall" }),
        json!({ "aud": "lastcall" }),
    ] {
        assert_eq!(answer(wrong.clone()).await, Err(401), "{wrong}");
    }
}
