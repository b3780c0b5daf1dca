//! What a token says, and what it must say to be believed.

use chrono::{DateTime, Utc};
use jsonwebtoken::errors::Error;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use proto_schemas::UserId;
use serde::{Deserialize, Serialize};

use super::{Identity, Scopes, Settings};
use crate::problem::Problem;

/// How far the clocks of who signs and who checks may differ, in seconds.
const LEEWAY_SECONDS: u64 = 10;

#[derive(Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    pub(super) exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) iss: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) aud: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scope: Option<serde_json::Value>,
}

/// What is checked besides the signature, for each algorithm that is believed at all.
///
/// Each has a rule of its own because the algorithm is the key's to choose, never the token's: one rule for several would
/// let a public key, which everybody has, be taken for the secret of HS256.
pub(super) struct Rules {
    hs256: Validation,
    rs256: Validation,
    es256: Validation,
}

impl Rules {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            hs256: rule(settings, Algorithm::HS256),
            rs256: rule(settings, Algorithm::RS256),
            es256: rule(settings, Algorithm::ES256),
        }
    }

    /// Who the token is for, if `key` signed it with `algorithm` and it says what it must.
    pub(super) fn verify(
        &self,
        token: &str,
        algorithm: Algorithm,
        key: &DecodingKey,
    ) -> Result<Claims, Error> {
        let rule = match algorithm {
            Algorithm::HS256 => &self.hs256,
            Algorithm::RS256 => &self.rs256,
            Algorithm::ES256 => &self.es256,
            _ => return Err(jsonwebtoken::errors::ErrorKind::InvalidAlgorithm.into()),
        };
        Ok(jsonwebtoken::decode::<Claims>(token, key, rule)?.claims)
    }
}

impl Claims {
    /// What a token says that nobody has vouched for yet.
    pub(super) fn unverified(token: &str) -> Result<Self, Error> {
        jsonwebtoken::dangerous::insecure_decode_claims(token)
    }

    /// Whether it would be refused whoever signed it.
    pub(super) fn is_expired(&self) -> bool {
        self.exp.saturating_add_unsigned(LEEWAY_SECONDS) < Utc::now().timestamp()
    }

    pub(super) fn identity(self) -> Result<Identity, Problem> {
        let refused = |detail: String| Problem::unauthenticated(detail);
        let user = UserId::new(self.sub).map_err(|e| refused(format!("the token's sub is no user: {e}")))?;
        let expires_at = DateTime::from_timestamp(self.exp, 0)
            .ok_or_else(|| refused("the token's exp is no time".to_owned()))?;
        Ok(Identity {
            user,
            expires_at,
            scopes: Scopes::of(self.scope.as_ref()),
        })
    }
}

fn rule(settings: &Settings, algorithm: Algorithm) -> Validation {
    let mut rule = Validation::new(algorithm);
    rule.leeway = LEEWAY_SECONDS;
    rule.validate_nbf = true;
    let mut required = vec!["exp", "sub"];
    if let Some(issuer) = &settings.issuer {
        rule.set_issuer(&[issuer]);
        required.push("iss");
    }
    match &settings.audience {
        Some(audience) => {
            rule.set_audience(&[audience]);
            required.push("aud");
        }
        None => rule.validate_aud = false,
    }
    rule.set_required_spec_claims(&required);
    rule
}
