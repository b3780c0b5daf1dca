use chrono::{TimeDelta, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proto_schemas::UserId;

use super::claims::Claims;
use super::{KeyError, Settings};

/// Makes tokens with the HS256 key, for development and tests.
pub struct TokenIssuer {
    key: EncodingKey,
    issuer: Option<String>,
    audience: Option<String>,
}

impl TokenIssuer {
    /// Reads the key.
    pub fn new(settings: &Settings) -> Result<Self, KeyError> {
        let secret = settings.secret()?.ok_or(KeyError::NoSigningKey)?;
        Ok(Self {
            key: EncodingKey::from_secret(secret.expose().as_bytes()),
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
        })
    }

    /// A token for `user` that is good for `lifetime`.
    pub fn issue(&self, user: &UserId, lifetime: TimeDelta) -> Result<String, jsonwebtoken::errors::Error> {
        self.issue_with_scope(user, lifetime, None)
    }

    /// The same with a `scope`: words with spaces between them, if any.
    pub fn issue_with_scope(
        &self,
        user: &UserId,
        lifetime: TimeDelta,
        scope: Option<&str>,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let claims = Claims {
            sub: user.as_str().to_owned(),
            exp: (Utc::now() + lifetime).timestamp(),
            iss: self.issuer.clone(),
            aud: self.audience.clone().map(Into::into),
            scope: scope.map(Into::into),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.key)
    }
}
