//! Who is asking: a JSON Web Token whose `sub` is the user, signed with HS256, RS256 or ES256.
//!
//! The token comes in `Authorization: Bearer …` or, for what cannot set headers (the browser's own `EventSource`), in a
//! cookie. Nothing else of a request ever says who the user is.
//!
//! HS256 is checked with one secret, the other two with public keys that the issuer publishes and changes. A key says
//! which algorithm it verifies; a token only says which key it means, and is refused unless the two agree.
//!
//! A browser adds the cookie to requests that other sites make it send. Routes that change something therefore ask for a
//! [`Writer`], which is no such request.

mod carrier;
mod claims;
mod issuer;
mod key_set;
mod key_source;
mod public_keys;
mod scopes;
mod settings;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, Utc};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use proto_schemas::UserId;

pub use carrier::COOKIE_NAME;
pub(crate) use carrier::bearer;
pub use issuer::TokenIssuer;
pub use key_source::ReadError;
pub use scopes::Scopes;
pub use settings::{KeyError, MIN_KEY_BYTES, Settings};
pub use writer::Writer;

use crate::metrics::Registry;
use crate::problem::Problem;
use crate::readings::Readings;
use crate::secret::Secret;
use crate::supervisor::Supervisor;
use carrier::Carrier;
use claims::{Claims, Rules};
use key_set::KeySet;
use key_source::KeySource;
use public_keys::PublicKeys;

/// Bytes of a token that is looked at. Those of issuers that put groups and roles into it have 4,000 at most.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Checks tokens.
pub struct Authenticator {
    secret: Option<DecodingKey>,
    public: Option<Arc<PublicKeys>>,
    rules: Rules,
}

/// Who is asking, as a checked token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// When the token ends: its `exp`. It is believed for some seconds more, because clocks differ.
    pub expires_at: DateTime<Utc>,
    /// What the token allows besides what is the user's own.
    pub scopes: Scopes,
}

/// What the keys of a set say to a token.
enum Verdict {
    Good(Claims),
    Bad(Error),
    /// The set does not have its key.
    UnknownKey,
}

impl Authenticator {
    /// Believes tokens of the HS256 key alone. With a key set in `settings` this is an error, since nothing would keep
    /// its keys current: [`start`](Self::start) does.
    pub fn new(settings: &Settings) -> Result<Self, KeyError> {
        if settings.jwks_file.is_some() || settings.jwks_url.is_some() {
            return Err(KeyError::NotKept);
        }
        let secret = settings.secret()?.ok_or(KeyError::NoKey)?;
        Ok(Self::with(settings, Some(&secret), None))
    }

    /// Reads the keys, and has `supervisor` keep those current that change.
    ///
    /// A key set that cannot be read is an error, also where there is an HS256 key besides: a process that refused the
    /// good tokens of one issuer would make browsers give up for good, and one that does not start is seen.
    pub async fn start(
        settings: &Settings,
        supervisor: &mut Supervisor,
        registry: &mut Registry,
    ) -> Result<Self, KeyError> {
        let secret = settings.secret()?;
        let public = match KeySource::of(settings)? {
            Some(source) => {
                let what = "the key set that tokens are checked with";
                let readings = Readings::registered(registry, "lastcall_auth", "key_set", what);
                let keys = PublicKeys::open(source, readings).await?;
                let keys = Arc::new(keys);
                let kept = Arc::clone(&keys).keep_current(supervisor.shutdown_token());
                supervisor.spawn("key set", kept);
                Some(keys)
            }
            None if secret.is_none() => return Err(KeyError::NoKey),
            None => None,
        };
        Ok(Self::with(settings, secret.as_ref(), public))
    }

    fn with(settings: &Settings, secret: Option<&Secret>, public: Option<Arc<PublicKeys>>) -> Self {
        Self {
            secret: secret.map(|secret| DecodingKey::from_secret(secret.expose().as_bytes())),
            public,
            rules: Rules::of(settings),
        }
    }

    /// Checks a token. Answers at once, unless the token names a key that is not known: then it waits, ten seconds at
    /// most, for keys that are read afterwards. A token that is not good is refused with 401, one whose key cannot be
    /// looked up now with 503.
    pub async fn check(&self, token: &str) -> Result<Identity, Problem> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Problem::unauthenticated(format!(
                "the token has more than {MAX_TOKEN_BYTES} bytes"
            )));
        }
        let header = jsonwebtoken::decode_header(token).map_err(|error| refused(&error))?;
        // RFC 7515 §4.1.11: whoever does not understand what is critical must refuse the token.
        if header.crit.is_some() {
            return Err(refused(&ErrorKind::InvalidToken.into()));
        }
        let claims = match header.alg {
            Algorithm::HS256 => self.check_secret(token),
            Algorithm::RS256 | Algorithm::ES256 => self.check_public(token, &header).await?,
            _ => Err(ErrorKind::InvalidAlgorithm.into()),
        };
        claims.map_err(|error| refused(&error))?.identity()
    }

    fn check_secret(&self, token: &str) -> Result<Claims, Error> {
        let secret = self.secret.as_ref().ok_or(ErrorKind::InvalidAlgorithm)?;
        self.rules.verify(token, Algorithm::HS256, secret)
    }

    async fn check_public(&self, token: &str, header: &Header) -> Result<Result<Claims, Error>, Problem> {
        let Some(public) = &self.public else {
            return Ok(Err(ErrorKind::InvalidAlgorithm.into()));
        };
        match self.try_keys(token, header, &public.current()) {
            Verdict::Good(claims) => return Ok(Ok(claims)),
            Verdict::Bad(error) => return Ok(Err(error)),
            Verdict::UnknownKey => {}
        }
        // Clients that come with old tokens of retired keys are many, and need no reading to be refused.
        match Claims::unverified(token) {
            Ok(claims) if claims.is_expired() => return Ok(Err(ErrorKind::ExpiredSignature.into())),
            Ok(_) => {}
            Err(error) => return Ok(Err(error)),
        }
        let newer = public.newer(header.kid.as_deref()).await;
        let newer = newer.map_err(|_| cannot_look_up())?;
        Ok(match self.try_keys(token, header, &newer) {
            Verdict::Good(claims) => Ok(claims),
            Verdict::Bad(error) => Err(error),
            Verdict::UnknownKey => Err(ErrorKind::InvalidSignature.into()),
        })
    }

    fn try_keys(&self, token: &str, header: &Header, keys: &KeySet) -> Verdict {
        let id = header.kid.as_deref();
        for key in keys.candidates(header.alg, id) {
            match self.rules.verify(token, header.alg, key) {
                Ok(claims) => return Verdict::Good(claims),
                Err(error) if *error.kind() == ErrorKind::InvalidSignature => {}
                Err(error) => return Verdict::Bad(error),
            }
        }
        if keys.names(id) {
            Verdict::Bad(ErrorKind::InvalidSignature.into())
        } else {
            Verdict::UnknownKey
        }
    }

    async fn identify(&self, headers: &HeaderMap) -> Result<(Identity, Carrier), Problem> {
        let (token, carrier) = carrier::token(headers)?;
        Ok((self.check(token).await?, carrier))
    }
}

fn refused(error: &Error) -> Problem {
    Problem::unauthenticated(format!("the token is not valid: {error}"))
}

fn cannot_look_up() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "keys-unavailable",
        "Tokens cannot be checked now",
        "the token names a key that is not known, and the issuer's keys cannot be read now; it may be tried again",
    )
}

impl<S> FromRequestParts<S> for Identity
where
    Arc<Authenticator>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let authenticator = Arc::<Authenticator>::from_ref(state);
        let (identity, _) = authenticator.identify(&parts.headers).await?;
        Ok(identity)
    }
}
