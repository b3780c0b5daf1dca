//! What clients of the event stream were told, to be compared with what the log held.
//!
//! [`History`] is one client's side of it, in its order. [`Ledger`] is the log over time. [`History::judge`] finds the
//! first difference between the two.

mod difference;
mod judge;
mod ledger;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

pub use difference::{Difference, Finding};
pub use judge::Judged;
pub use ledger::Ledger;

/// What one client was told.
#[derive(Debug, Clone)]
pub struct History {
    /// The subject of what is for this client alone.
    pub own: String,
    /// In the order in which it happened.
    pub entries: Vec<Entry>,
}

/// Something that happened to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When, since the run began.
    pub at: Duration,
    /// What.
    pub what: What,
}

/// What can happen to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It connects, with the last position that it heard of.
    Connects {
        /// The sequence of that position.
        after: Option<u64>,
    },
    /// Its connection is over.
    Ends(End),
    /// It is told that it has everything up to there.
    Position(u64),
    /// It is told of an event.
    Event {
        /// The event's place in the log.
        sequence: u64,
        /// Of what it said.
        digest: Digest,
    },
    /// It is told that it missed something.
    Gap(Box<Gap>),
    /// It is told something that no client can make sense of, or that ends an `EventSource` for good.
    Nonsense(Box<str>),
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// There was none.
    Refused,
    /// In the middle of something.
    Broken,
    /// Properly.
    Over,
}

/// A gap, as it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Why.
    pub reason: String,
    /// The sequence of the position that cannot be had.
    pub requested: u64,
    /// The sequence of the position from which it goes on.
    pub resumed_from: u64,
}

/// Of a payload. Two different ones have the same by a chance of 2^-64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(u64);

impl Digest {
    /// Of these bytes: [FNV-1a](https://datatracker.ietf.org/doc/html/rfc9923).
    pub fn of(payload: &[u8]) -> Self {
        let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        Self(payload.iter().fold(0xcbf2_9ce4_8422_2325, fold))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:9.3} s  ", self.at.as_secs_f64())?;
        match &self.what {
            What::Connects { after: Some(after) } => write!(f, "connects after {after}"),
            What::Connects { after: None } => f.write_str("connects"),
            What::Ends(End::Refused) => f.write_str("finds nobody"),
            What::Ends(End::Broken) => f.write_str("is cut off"),
            What::Ends(End::Over) => f.write_str("is sent away"),
            What::Position(sequence) => write!(f, "has everything up to {sequence}"),
            What::Event { sequence, .. } => write!(f, "event {sequence}"),
            What::Gap(gap) => write!(
                f,
                "gap: {}, asked for {}, goes on after {}",
                gap.reason, gap.requested, gap.resumed_from
            ),
            What::Nonsense(text) => write!(f, "is told {text:?}"),
        }
    }
}
