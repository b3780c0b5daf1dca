//! Keys that are made for the tests, and tokens that are signed with them.

use std::sync::LazyLock;

use chrono::Utc;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p256::pkcs8::EncodePrivateKey as _;
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::rand_core::OsRng;
use serde_json::{Value, json};

pub(crate) struct SigningKey {
    pub(crate) algorithm: Algorithm,
    pub(crate) key: EncodingKey,
}

/// RSA keys take long to make, so the tests share two.
static RSA: LazyLock<[SigningKey; 2]> = LazyLock::new(|| [SigningKey::rsa(2048), SigningKey::rsa(2048)]);

impl SigningKey {
    pub(crate) fn rsa_1() -> &'static Self {
        &RSA[0]
    }

    pub(crate) fn rsa_2() -> &'static Self {
        &RSA[1]
    }

    pub(crate) fn rsa(bits: usize) -> Self {
        let key = RsaPrivateKey::new(&mut OsRng, bits).unwrap();
        Self {
            algorithm: Algorithm::RS256,
            key: EncodingKey::from_rsa_der(key.to_pkcs1_der().unwrap().as_bytes()),
        }
    }

    pub(crate) fn p256() -> Self {
        let key = p256::SecretKey::random(&mut OsRng);
        Self {
            algorithm: Algorithm::ES256,
            key: EncodingKey::from_ec_der(key.to_pkcs8_der().unwrap().as_bytes()),
        }
    }

    /// What the issuer publishes of it, without `alg`.
    pub(crate) fn public(&self) -> Value {
        let jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        let mut public = serde_json::to_value(jwk).unwrap();
        public.as_object_mut().unwrap().remove("alg");
        public
    }

    /// The same, with an id.
    pub(crate) fn named(&self, id: &str) -> Value {
        with(self.public(), &json!({ "kid": id, "use": "sig" }))
    }

    pub(crate) fn header(&self, id: Option<&str>) -> Header {
        Header {
            kid: id.map(ToOwned::to_owned),
            ..Header::new(self.algorithm)
        }
    }

    /// A token of u42 that is good for an hour.
    pub(crate) fn token(&self, id: Option<&str>) -> String {
        self.sign(&self.header(id), &claims(&json!({})))
    }

    pub(crate) fn sign(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.key).unwrap()
    }
}

/// Good claims of u42, with `others` over them.
pub(crate) fn claims(others: &Value) -> Value {
    with(
        json!({ "sub": "u42", "exp": Utc::now().timestamp() + 3_600 }),
        others,
    )
}

pub(crate) fn with(mut object: Value, others: &Value) -> Value {
    let members = others.as_object().unwrap().clone();
    object.as_object_mut().unwrap().extend(members);
    object
}

pub(crate) fn key_set(keys: impl IntoIterator<Item = Value>) -> String {
    let keys: Vec<Value> = keys.into_iter().collect();
    json!({ "keys": keys }).to_string()
}
