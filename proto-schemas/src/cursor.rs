//! Where a client stands in the log: `<epoch>.<sequence>`, for example `k3v9x2ma.1024`.
//!
//! Everything up to and including that sequence has been seen. The epoch names the log itself, so that a position in a
//! log that was replaced is recognised instead of being read as a position in the new one. Clients treat the whole as
//! opaque: later versions may add parts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The most bytes a cursor may have.
pub const MAX_BYTES: usize = 128;

/// The most bytes an epoch may have.
pub const MAX_EPOCH_BYTES: usize = 64;

/// The identity of a log: a short random id, written when its stream is created.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Epoch(Box<str>);

/// A position in one log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cursor {
    /// The log.
    pub epoch: Epoch,
    /// The last sequence that was seen; 0 is before the first.
    pub sequence: u64,
}

/// Why a text is no cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// More than [`MAX_BYTES`].
    #[error("a cursor has at most {MAX_BYTES} bytes; this one has {0}")]
    TooLong(usize),
    /// A byte that no cursor has.
    #[error("a cursor has only the characters 0-9 A-Z a-z . _ ~ -; byte {0} is another one")]
    Character(usize),
    /// The parts are not there.
    #[error("a cursor has the form <epoch>.<sequence>")]
    Form,
    /// The epoch is empty, too long or has other characters than `[0-9a-z]`.
    #[error("the epoch of a cursor is 1 to {MAX_EPOCH_BYTES} of the characters 0-9 a-z")]
    Epoch,
    /// The sequence is no decimal number below 2^64, or has leading zeros.
    #[error("the sequence of a cursor is a decimal number below 2^64 without leading zeros")]
    Sequence,
}

impl Epoch {
    /// Checks and takes an epoch: 1 to [`MAX_EPOCH_BYTES`] of `[0-9a-z]`.
    pub fn new(epoch: &str) -> Result<Self, CursorError> {
        let allowed = |b: u8| b.is_ascii_digit() || b.is_ascii_lowercase();
        if epoch.is_empty() || epoch.len() > MAX_EPOCH_BYTES || !epoch.bytes().all(allowed) {
            return Err(CursorError::Epoch);
        }
        Ok(Self(epoch.into()))
    }

    /// The epoch as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The position after `sequence` in this log.
    pub fn at(&self, sequence: u64) -> Cursor {
        Cursor {
            epoch: self.clone(),
            sequence,
        }
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_BYTES {
            return Err(CursorError::TooLong(text.len()));
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-');
        if let Some(at) = text.bytes().position(|b| !allowed(b)) {
            return Err(CursorError::Character(at));
        }
        let (epoch, digits) = text.split_once('.').ok_or(CursorError::Form)?;
        let epoch = Epoch::new(epoch)?;
        let plain = digits == "0" || (!digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()));
        let sequence = if plain { digits.parse().ok() } else { None };
        Ok(Self {
            epoch,
            sequence: sequence.ok_or(CursorError::Sequence)?,
        })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.sequence)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Epoch {
    type Error = CursorError;

    fn try_from(epoch: String) -> Result<Self, Self::Error> {
        Self::new(&epoch)
    }
}

impl From<Epoch> for String {
    fn from(epoch: Epoch) -> Self {
        epoch.0.into()
    }
}

impl TryFrom<String> for Cursor {
    type Error = CursorError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.to_string()
    }
}
