use std::path::PathBuf;
use std::time::Duration;

use humantime::format_duration;
use serde::Deserialize;

use super::key_source::ReadError;
use crate::secret::Secret;

/// The least bytes of a key, which are those of the hash ([RFC 7518 §3.2](https://www.rfc-editor.org/rfc/rfc7518#section-3.2)).
pub const MIN_KEY_BYTES: usize = 32;

const MINUTE: Duration = Duration::from_secs(60);

/// Whose tokens are believed.
///
/// The HS256 key and one set of public keys may be set together: then tokens of both are believed, for as long as people
/// move from one to the other.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The HS256 key itself; `hs256_key_file` keeps it out of the environment.
    pub hs256_key: Option<Secret>,
    /// A file that holds the HS256 key; white space around it does not count.
    pub hs256_key_file: Option<PathBuf>,
    /// A file with the public keys of RS256 and ES256 as a JSON Web Key Set. Read again when it changes.
    pub jwks_file: Option<PathBuf>,
    /// Where the issuer publishes such a set, over https or http.
    pub jwks_url: Option<String>,
    /// How often `jwks_url` is asked again. It is also asked when a token names a key that is not known.
    #[serde(with = "humantime_serde")]
    pub jwks_refresh: Duration,
    /// The `iss` that a token must have, if any.
    pub issuer: Option<String>,
    /// The `aud` that a token must have, if any; one of them, where the token has several.
    pub audience: Option<String>,
}

/// Why no token can be checked or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No key is set at all.
    #[error(
        "no key is set, so that no token could be believed: set auth.hs256_key_file, auth.jwks_file or auth.jwks_url"
    )]
    NoKey,
    /// Tokens are made with the HS256 key only.
    #[error("auth.hs256_key_file is not set, so that no token could be made: name a file that holds the key")]
    NoSigningKey,
    /// The key file cannot be read.
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
    /// Both places of a key set are named.
    #[error("auth.jwks_file and auth.jwks_url are both set; set one of them")]
    TwoSets,
    /// The address of the key set is none.
    #[error(
        "auth.jwks_url is {url:?}, which is not http:// or https:// with a host and without user and password"
    )]
    Url {
        /// As it is set.
        url: String,
    },
    /// So often would be an attack.
    #[error("auth.jwks_refresh is {}; it must be at least {}", format_duration(*set), format_duration(*least))]
    Refresh {
        /// As it is set.
        set: Duration,
        /// What is allowed.
        least: Duration,
    },
    /// The certificates of the authorities that vouch for an https server cannot be had.
    #[error("cannot check who serves auth.jwks_url")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The key set cannot be had. A process without it would refuse good tokens, and browsers would give up for good.
    #[error("cannot get the keys that tokens are checked with from {from}")]
    Set {
        /// The file or the address.
        from: String,
        /// Why not.
        source: ReadError,
    },
    /// A key set was named where nothing would keep it current.
    #[error("auth.jwks_file and auth.jwks_url need a process that keeps their keys current")]
    NotKept,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hs256_key: None,
            hs256_key_file: None,
            jwks_file: None,
            jwks_url: None,
            jwks_refresh: 10 * MINUTE,
            issuer: None,
            audience: None,
        }
    }
}

impl Settings {
    /// The HS256 key, if one is set.
    pub(super) fn secret(&self) -> Result<Option<Secret>, KeyError> {
        let key = match (&self.hs256_key, &self.hs256_key_file) {
            (Some(key), _) => key.clone(),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path).map_err(|source| KeyError::File {
                    path: path.clone(),
                    source,
                })?;
                Secret::new(text.trim())
            }
            (None, None) => return Ok(None),
        };
        let bytes = key.expose().len();
        if bytes < MIN_KEY_BYTES {
            Err(KeyError::Short(bytes))
        } else {
            Ok(Some(key))
        }
    }
}
