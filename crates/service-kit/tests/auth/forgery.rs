//! What people send who have no key: everything is refused with 401, and at once where the key is known.

use std::time::{Duration, Instant};

use chrono::Utc;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use service_kit::auth::Settings;
use service_kit::secret::Secret;

use crate::issuer::{Answer, Issuer};
use crate::process::{Process, by_url};
use crate::signing_key::{SigningKey, claims, key_set};

const NOW: Duration = Duration::from_secs(1);

struct Attacked {
    rsa: &'static SigningKey,
    ec: SigningKey,
    issuer: Issuer,
    process: Process,
}

async fn attacked() -> Attacked {
    let (rsa, ec) = (SigningKey::rsa_1(), SigningKey::p256());
    let issuer = Issuer::start(Answer::Text(key_set([rsa.named("r"), ec.named("e")]))).await;
    let settings = Settings {
        hs256_key: Some(Secret::new("0123456789abcdef0123456789abcdef")),
        ..by_url(issuer.url())
    };
    let process = Process::start(&settings).await;
    assert_eq!(process.check(&rsa.token(Some("r"))).await, Ok("u42".to_owned()));
    assert_eq!(process.check(&ec.token(Some("e"))).await, Ok("u42".to_owned()));
    Attacked {
        rsa,
        ec,
        issuer,
        process,
    }
}

impl Attacked {
    async fn refuses(&self, token: &str) {
        let asked = Instant::now();
        assert_eq!(self.process.check(token).await, Err(401), "{token}");
        assert!(asked.elapsed() < NOW, "took {:?}: {token}", asked.elapsed());
        assert_eq!(self.issuer.asked(), 1, "asked the issuer for {token}");
    }
}

#[tokio::test]
async fn a_public_key_is_never_a_secret() {
    let it = attacked().await;
    for (key, id) in [(it.rsa, "r"), (&it.ec, "e")] {
        let public = key.public();
        let parts = ["n", "e", "x", "y"]
            .iter()
            .filter_map(|part| public[part].as_str());
        let named = key.named(id).to_string();
        let secrets = parts.chain([named.as_str(), id, ""]);
        for secret in secrets {
            for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
                let header = Header {
                    kid: Some(id.into()),
                    ..Header::new(algorithm)
                };
                let secret = EncodingKey::from_secret(secret.as_bytes());
                let token = jsonwebtoken::encode(&header, &claims(&json!({})), &secret).unwrap();
                it.refuses(&token).await;
            }
        }
    }
}

#[tokio::test]
async fn a_key_verifies_its_own_algorithm_whatever_the_token_says() {
    let it = attacked().await;
    // The id of a key of another type, or of another algorithm of the same type.
    it.refuses(&it.rsa.token(Some("e"))).await;
    it.refuses(&it.ec.token(Some("r"))).await;
    for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
        let header = Header {
            kid: Some("r".into()),
            ..Header::new(algorithm)
        };
        it.refuses(&it.rsa.sign(&header, &claims(&json!({})))).await;
    }
    // {"alg":"none","kid":"r"} {"sub":"u42","exp":99999999999}
    let payload = "eyJzdWIiOiJ1NDIiLCJleHAiOjk5OTk5OTk5OTk5fQ";
    it.refuses(&format!("eyJhbGciOiJub25lIiwia2lkIjoiciJ9.{payload}."))
        .await;
    // {"alg":"RS256","kid":"r"}
    it.refuses(&format!("eyJhbGciOiJSUzI1NiIsImtpZCI6InIifQ.{payload}."))
        .await;
    it.refuses(&format!("eyJhbGciOiJSUzI1NiIsImtpZCI6InIifQ.{payload}.AAAA"))
        .await;
}

#[tokio::test]
async fn a_key_that_the_token_brings_along_or_points_to_is_not_looked_at() {
    let it = attacked().await;
    let own = SigningKey::p256();
    let header = Header {
        jwk: Some(Jwk::from_encoding_key(&own.key, Algorithm::ES256).unwrap()),
        jku: Some(it.issuer.url()),
        x5u: Some(it.issuer.url()),
        ..own.header(Some("e"))
    };
    it.refuses(&own.sign(&header, &claims(&json!({})))).await;
}

#[tokio::test]
async fn another_keys_signature_and_changed_contents_are_refused() {
    let it = attacked().await;
    it.refuses(&SigningKey::rsa_2().token(Some("r"))).await;
    it.refuses(&SigningKey::p256().token(Some("e"))).await;
    for (key, id) in [(it.rsa, "r"), (&it.ec, "e")] {
        let mine = key.sign(&key.header(Some(id)), &claims(&json!({ "sub": "mallory" })));
        let theirs = key.token(Some(id));
        let (mine, theirs): (Vec<_>, Vec<_>) = (mine.split('.').collect(), theirs.split('.').collect());
        it.refuses(&[mine[0], theirs[1], mine[2]].join(".")).await;
    }
}

#[tokio::test]
async fn a_signed_token_must_still_say_what_it_must() {
    let it = attacked().await;
    let now = Utc::now().timestamp();
    let wrong: [Value; 9] = [
        json!({ "exp": now - 60 }),
        json!({ "exp": null }),
        json!({ "exp": "tomorrow" }),
        json!({ "exp": -1 }),
        json!({ "exp": u64::MAX }),
        json!({ "nbf": now + 600 }),
        json!({ "nbf": "never" }),
        json!({ "sub": null }),
        json!({ "sub": "" }),
    ];
    for others in wrong {
        it.refuses(&it.ec.sign(&it.ec.header(Some("e")), &claims(&others)))
            .await;
    }
    let critical = Header {
        crit: Some(vec!["b64".into()]),
        ..it.ec.header(Some("e"))
    };
    it.refuses(&it.ec.sign(&critical, &claims(&json!({})))).await;
    // Refused whoever signed it, so that nobody need be asked.
    let old = SigningKey::p256();
    it.refuses(&old.sign(&old.header(Some("retired")), &claims(&json!({ "exp": now - 60 }))))
        .await;
}

#[test]
fn no_byte_of_a_signed_token_can_be_changed() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let it = runtime.block_on(attacked());
    let token = it.ec.token(Some("e"));
    // Another header may name another key; that is looked up, which is tested elsewhere.
    let after_the_header = token.find('.').unwrap();
    let places = (after_the_header..token.len(), 1_u8..=127);
    let mut runner = TestRunner::new(Config::with_cases(1_000));
    let run = runner.run(&places, |(at, change)| {
        let mut bytes = token.clone().into_bytes();
        bytes[at] ^= change;
        runtime.block_on(it.refuses(std::str::from_utf8(&bytes).unwrap()));
        Ok(())
    });
    run.unwrap();
}
