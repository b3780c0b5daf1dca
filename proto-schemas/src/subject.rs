//! Subjects name the recipient, literally, and nothing else: `evt.user.<user>` for one person, `evt.all` for everybody.
//!
//! What happened is in the payload. A replay then filters by one literal subject, which the server answers from its
//! index; a wildcard would make it walk whole blocks. This is the only module that builds or reads a subject.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

/// The subject of what is for everybody.
pub const EVERYBODY: &str = "evt.all";

/// What the stream binds: every subject that [`Recipient`] can produce, and no other.
pub const STREAM_SUBJECTS: [&str; 2] = ["evt.user.*", EVERYBODY];

/// The most bytes that a user's token may have once encoded.
pub const MAX_TOKEN_BYTES: usize = 128;

const USER_PREFIX: &str = "evt.user.";

/// Everything but `[A-Za-z0-9_-]` is written as `%XX`, so that one user is one token without `.`, `*`, `>` or spaces.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-');

/// A person, as the shop or the site names them.
///
/// Not empty, and at most [`MAX_TOKEN_BYTES`] bytes once percent-encoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(String);

/// Who a message is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Recipient {
    /// One person.
    User(UserId),
    /// Everybody.
    Everybody,
}

/// Why a text is no user id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserIdError {
    /// It has no characters.
    #[error("a user id may not be empty")]
    Empty,
    /// Its encoded form would be too long for one subject token.
    #[error("a user id may have {MAX_TOKEN_BYTES} bytes once percent-encoded; this one has {0}")]
    TooLong(usize),
}

/// Why a text is no subject of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// Neither `evt.all` nor below `evt.user.`.
    #[error("{0:?} is neither {EVERYBODY:?} nor a user's subject ({USER_PREFIX}<user>)")]
    Foreign(String),
    /// The token is not what [`Recipient`] writes for any user.
    #[error("{0:?} does not name a user in the percent-encoded form")]
    Token(String),
}

impl UserId {
    /// Checks and takes a user id.
    pub fn new(id: impl Into<String>) -> Result<Self, UserIdError> {
        let id = id.into();
        if id.is_empty() {
            return Err(UserIdError::Empty);
        }
        let encoded: usize = utf8_percent_encode(&id, ENCODED).map(str::len).sum();
        if encoded > MAX_TOKEN_BYTES {
            return Err(UserIdError::TooLong(encoded));
        }
        Ok(Self(id))
    }

    /// The id as the shop or the site wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Recipient {
    /// The subject that messages for this recipient are stored under.
    pub fn subject(&self) -> String {
        match self {
            Self::User(UserId(id)) => {
                let mut subject = String::with_capacity(USER_PREFIX.len() + id.len());
                subject.push_str(USER_PREFIX);
                subject.extend(utf8_percent_encode(id, ENCODED));
                subject
            }
            Self::Everybody => EVERYBODY.to_owned(),
        }
    }

    /// Reads a subject. Only the exact form that [`Recipient::subject`] writes is accepted.
    pub fn from_subject(subject: &str) -> Result<Self, SubjectError> {
        if subject == EVERYBODY {
            return Ok(Self::Everybody);
        }
        let token = subject
            .strip_prefix(USER_PREFIX)
            .ok_or_else(|| SubjectError::Foreign(subject.to_owned()))?;
        let refused = || SubjectError::Token(token.to_owned());
        let id = percent_decode_str(token).decode_utf8().map_err(|_| refused())?;
        let recipient = Self::User(UserId::new(id).map_err(|_| refused())?);
        // Two spellings of one user would be two subjects, and a replay would read only one of them.
        if recipient.subject() == subject {
            Ok(recipient)
        } else {
            Err(refused())
        }
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for UserId {
    type Err = UserIdError;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        Self::new(id)
    }
}

impl TryFrom<String> for UserId {
    type Error = UserIdError;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        Self::new(id)
    }
}

impl From<UserId> for String {
    fn from(id: UserId) -> Self {
        id.0
    }
}
