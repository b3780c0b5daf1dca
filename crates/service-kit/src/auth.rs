//! Who is asking: a JSON Web Token whose `sub` is the user, signed with HS256.
//!
//! The token comes in `Authorization: Bearer …` or, for what cannot set headers (the browser's own `EventSource`), in a
//! cookie. Nothing else of a request ever says who the user is.
//!
//! A browser adds the cookie to requests that other sites make it send. Routes that change something therefore ask for a
//! [`Writer`], which is no such request.

mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::request::Parts;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use proto_schemas::UserId;
use serde::{Deserialize, Serialize};

pub use writer::Writer;

use crate::problem::Problem;
use crate::secret::Secret;

/// The cookie that may carry the token.
pub const COOKIE_NAME: &str = "lastcall_token";

/// The least bytes of a key, which are those of the hash ([RFC 7518 §3.2](https://www.rfc-editor.org/rfc/rfc7518#section-3.2)).
pub const MIN_KEY_BYTES: usize = 32;

/// How far the clocks of who signs and who checks may differ, in seconds.
const LEEWAY_SECONDS: u64 = 10;

/// Whose tokens are believed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The HS256 key itself; `hs256_key_file` keeps it out of the environment.
    pub hs256_key: Option<Secret>,
    /// A file that holds the HS256 key; white space around it does not count.
    pub hs256_key_file: Option<PathBuf>,
    /// The `iss` that a token must have, if any.
    pub issuer: Option<String>,
    /// The `aud` that a token must have, if any.
    pub audience: Option<String>,
}

/// Why no token can be checked or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Neither the key nor its file is set.
    #[error(
        "auth.hs256_key_file is not set, so that no token could be made or believed: name a file that holds the key"
    )]
    Missing,
    /// The file cannot be read.
    #[error("cannot read the key file {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Too short to be safe.
    #[error("the HS256 key has {0} bytes; at least {MIN_KEY_BYTES} are needed")]
    Short(usize),
}

/// Checks tokens.
pub struct Authenticator {
    key: DecodingKey,
    validation: Validation,
}

/// Makes tokens, for development and tests.
pub struct TokenIssuer {
    key: EncodingKey,
    issuer: Option<String>,
    audience: Option<String>,
}

/// Who is asking, as a checked token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// When the token stops being believed.
    pub expires_at: DateTime<Utc>,
}

/// Where a request carries its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carrier {
    /// A header that only programs set which have the token.
    Header,
    /// A cookie, which browsers add by themselves.
    Cookie,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aud: Option<serde_json::Value>,
}

impl Settings {
    fn key(&self) -> Result<Secret, KeyError> {
        let key = match (&self.hs256_key, &self.hs256_key_file) {
            (Some(key), _) => key.clone(),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path).map_err(|source| KeyError::File {
                    path: path.clone(),
                    source,
                })?;
                Secret::new(text.trim())
            }
            (None, None) => return Err(KeyError::Missing),
        };
        let bytes = key.expose().len();
        if bytes < MIN_KEY_BYTES {
            Err(KeyError::Short(bytes))
        } else {
            Ok(key)
        }
    }
}

impl Authenticator {
    /// Reads the key.
    pub fn new(settings: &Settings) -> Result<Self, KeyError> {
        let key = DecodingKey::from_secret(settings.key()?.expose().as_bytes());
        // The algorithm is ours to choose, never the token's: "none" or another family would forge.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        let mut required = vec!["exp", "sub"];
        if let Some(issuer) = &settings.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        match &settings.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                required.push("aud");
            }
            None => validation.validate_aud = false,
        }
        validation.set_required_spec_claims(&required);
        Ok(Self { key, validation })
    }

    /// Checks a token.
    pub fn check(&self, token: &str) -> Result<Identity, Problem> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation)
            .map_err(|e| Problem::unauthenticated(format!("the token is not valid: {e}")))?
            .claims;
        let refused = |detail: String| Problem::unauthenticated(detail);
        let user =
            UserId::new(claims.sub).map_err(|e| refused(format!("the token's sub is no user: {e}")))?;
        let expires_at = DateTime::from_timestamp(claims.exp, 0)
            .ok_or_else(|| refused("the token's exp is no time".to_owned()))?;
        Ok(Identity { user, expires_at })
    }

    fn identify(&self, headers: &HeaderMap) -> Result<(Identity, Carrier), Problem> {
        let header = bearer(headers)?.map(|token| (token, Carrier::Header));
        let found = header.or_else(|| cookie(headers).map(|token| (token, Carrier::Cookie)));
        let (token, carrier) = found.ok_or_else(|| {
            Problem::unauthenticated(format!(
                "send a token as \"Authorization: Bearer …\" or in the cookie {COOKIE_NAME}"
            ))
        })?;
        Ok((self.check(token)?, carrier))
    }
}

impl TokenIssuer {
    /// Reads the key.
    pub fn new(settings: &Settings) -> Result<Self, KeyError> {
        let key = EncodingKey::from_secret(settings.key()?.expose().as_bytes());
        Ok(Self {
            key,
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
        })
    }

    /// A token for `user` that is good for `lifetime`.
    pub fn issue(&self, user: &UserId, lifetime: TimeDelta) -> Result<String, jsonwebtoken::errors::Error> {
        let claims = Claims {
            sub: user.as_str().to_owned(),
            exp: (Utc::now() + lifetime).timestamp(),
            iss: self.issuer.clone(),
            aud: self.audience.clone().map(Into::into),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.key)
    }
}

/// The token of `Authorization: Bearer …`, if that header is there.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let token = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    token
        .map(Some)
        .ok_or_else(|| Problem::unauthenticated("the Authorization header is not \"Bearer <token>\""))
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    cookies.flat_map(|line| line.split(';')).find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE_NAME).then_some(value)
    })
}

impl<S> FromRequestParts<S> for Identity
where
    Arc<Authenticator>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let (identity, _) = Arc::<Authenticator>::from_ref(state).identify(&parts.headers)?;
        Ok(identity)
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn the_user_is_the_subject_of_a_valid_token_from_header_or_cookie() {
        let settings = settings(KEY);
        let authenticator = Authenticator::new(&settings).unwrap();
        let token = token(&settings, "u42", TimeDelta::hours(1));
        for headers in [
            headers("authorization", &format!("bearer {token}")),
            headers("cookie", &format!("theme=dark; {COOKIE_NAME}={token}")),
        ] {
            assert_eq!(authenticator.identify(&headers).unwrap().0.user.as_str(), "u42");
        }
    }

    #[test]
    fn what_is_expired_unsigned_foreign_or_missing_is_refused() {
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
            assert_eq!(authenticator.check(bad).unwrap_err().status, 401, "{bad:?}");
        }
        assert_eq!(authenticator.identify(&HeaderMap::new()).unwrap_err().status, 401);
        assert_eq!(
            authenticator
                .identify(&headers("authorization", "Basic dTpw"))
                .unwrap_err()
                .status,
            401
        );
    }

    #[test]
    fn issuer_and_audience_are_checked_where_they_are_set() {
        let strict = Settings {
            issuer: Some("shop".into()),
            audience: Some("lastcall".into()),
            ..settings(KEY)
        };
        let authenticator = Authenticator::new(&strict).unwrap();
        assert!(
            authenticator
                .check(&token(&strict, "u42", TimeDelta::hours(1)))
                .is_ok()
        );
        assert!(
            authenticator
                .check(&token(&settings(KEY), "u42", TimeDelta::hours(1)))
                .is_err()
        );
    }

    #[test]
    fn a_short_key_is_refused_and_no_key_is_ever_shown() {
        assert!(matches!(
            Authenticator::new(&settings("short")),
            Err(KeyError::Short(5))
        ));
        assert!(matches!(
            Authenticator::new(&Settings::default()),
            Err(KeyError::Missing)
        ));
        assert!(!format!("{:?}", settings(KEY)).contains(KEY));
    }
}
