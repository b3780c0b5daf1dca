//! Public keys out of a JSON Web Key Set ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)).
//!
//! Issuers publish keys for other uses and of other kinds beside ours. Such a key is set aside, with the reason in the
//! log, and the others are good all the same. What a key may verify stands in the key: RSA keys verify RS256 and keys of
//! the curve P-256 verify ES256, unless they say that they are for something else.

use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use serde::Deserialize;
use serde_json::Value;

use super::key_source::ReadError;

/// Keys that are looked at in one set. A token without a key id may be tried with each of them.
const MAX_KEYS: usize = 64;

/// Bytes of an RSA modulus: [RFC 7518 §3.3](https://www.rfc-editor.org/rfc/rfc7518#section-3.3) asks for 2048 bits at
/// least, and more than 4096 are not verified by our library.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// Bytes of a point of P-256, uncompressed: a tag and two coordinates.
const POINT_BYTES: usize = 65;

pub(super) struct KeySet {
    keys: Vec<Key>,
}

struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// Why a key of a set is not used.
#[derive(Debug, thiserror::Error)]
enum SetAside {
    #[error("it is malformed")]
    Malformed(#[source] serde_json::Error),
    #[error("it is for {0:?}, not for signatures")]
    Purpose(String),
    #[error("keys of type {0:?} are not public keys that tokens are checked with")]
    Type(String),
    #[error("it says {0:?}, where {1:?} is believed")]
    Algorithm(String, Algorithm),
    #[error("its curve is {0:?}, not \"P-256\"")]
    Curve(Option<String>),
    #[error("it has no {0:?}")]
    Missing(&'static str),
    #[error("its parameters are no key")]
    Parameters(#[source] jsonwebtoken::errors::Error),
    #[error("it has {0} bits, not from 2048 to 4096")]
    Size(usize),
}

impl KeySet {
    /// The keys of `document` that can check tokens. One without any is an error: an issuer that publishes none is broken.
    pub(super) fn parse(document: &[u8]) -> Result<Self, ReadError> {
        let document: Document = serde_json::from_slice(document).map_err(ReadError::Malformed)?;
        let count = document.keys.len();
        let mut keys = Vec::new();
        for (index, value) in document.keys.into_iter().enumerate().take(MAX_KEYS) {
            match Key::parse(value) {
                Ok(key) => keys.push(key),
                Err(reason) => {
                    let reason = crate::telemetry::chain(&reason);
                    tracing::warn!(index, reason, "a key of the key set is not used");
                }
            }
        }
        if count > MAX_KEYS {
            tracing::warn!(
                count,
                used = MAX_KEYS,
                "the key set has too many keys; only the first are used"
            );
        }
        if keys.is_empty() {
            return Err(ReadError::NoKey { count });
        }
        Ok(Self { keys })
    }

    /// The keys that may have signed with `algorithm` a token that names `id`. A key without an id may have signed
    /// any.
    pub(super) fn candidates<'a>(
        &'a self,
        algorithm: Algorithm,
        id: Option<&'a str>,
    ) -> impl Iterator<Item = &'a DecodingKey> {
        let fits =
            move |key: &&Key| key.algorithm == algorithm && (key.id.is_none() || key.id.as_deref() == id);
        self.keys.iter().filter(fits).map(|key| &key.key)
    }

    /// Whether a key has this very id.
    pub(super) fn names(&self, id: Option<&str>) -> bool {
        id.is_some() && self.keys.iter().any(|key| key.id.as_deref() == id)
    }

    /// For the log.
    pub(super) fn ids(&self) -> Vec<&str> {
        let ids = self.keys.iter().map(|key| key.id.as_deref().unwrap_or("(none)"));
        ids.collect()
    }
}

impl Key {
    fn parse(value: Value) -> Result<Self, SetAside> {
        let jwk: Jwk = serde_json::from_value(value).map_err(SetAside::Malformed)?;
        jwk.check_purpose()?;
        let (algorithm, key) = match jwk.kty.as_str() {
            "RSA" => (Algorithm::RS256, jwk.rsa()?),
            "EC" => (Algorithm::ES256, jwk.p256()?),
            _ => return Err(SetAside::Type(jwk.kty)),
        };
        match jwk.alg {
            // The key itself says what it may verify.
            Some(alg) if alg != format!("{algorithm:?}") => Err(SetAside::Algorithm(alg, algorithm)),
            _ => Ok(Self {
                id: jwk.kid,
                algorithm,
                key,
            }),
        }
    }
}

impl Jwk {
    fn check_purpose(&self) -> Result<(), SetAside> {
        if let Some(purpose) = self.purpose.as_ref().filter(|purpose| *purpose != "sig") {
            return Err(SetAside::Purpose(purpose.clone()));
        }
        match &self.key_ops {
            Some(operations) if !operations.iter().any(|operation| operation == "verify") => {
                Err(SetAside::Purpose(operations.join(" ")))
            }
            _ => Ok(()),
        }
    }

    fn rsa(&self) -> Result<DecodingKey, SetAside> {
        let key = DecodingKey::from_rsa_components(part("n", &self.n)?, part("e", &self.e)?)
            .map_err(SetAside::Parameters)?;
        if let DecodingKeyKind::RsaModulusExponent { n, .. } = key.kind() {
            let bytes = n.iter().skip_while(|byte| **byte == 0).count();
            if !MODULUS_BYTES.contains(&bytes) {
                return Err(SetAside::Size(bytes * 8));
            }
        }
        Ok(key)
    }

    fn p256(&self) -> Result<DecodingKey, SetAside> {
        if self.crv.as_deref() != Some("P-256") {
            return Err(SetAside::Curve(self.crv.clone()));
        }
        let key = DecodingKey::from_ec_components(part("x", &self.x)?, part("y", &self.y)?)
            .map_err(SetAside::Parameters)?;
        if let DecodingKeyKind::SecretOrDer(point) = key.kind()
            && point.len() != POINT_BYTES
        {
            return Err(SetAside::Parameters(
                jsonwebtoken::errors::ErrorKind::InvalidEcdsaKey.into(),
            ));
        }
        // A point that is not on the curve is found only when something is verified.
        jsonwebtoken::crypto::verify("", b"", &key, Algorithm::ES256).map_err(SetAside::Parameters)?;
        Ok(key)
    }
}

fn part<'a>(name: &'static str, value: &'a Option<String>) -> Result<&'a str, SetAside> {
    value.as_deref().ok_or(SetAside::Missing(name))
}
