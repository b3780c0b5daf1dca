//! How what a client was told can differ from what the log holds for it.

use std::fmt;

use crate::history::Gap;

/// Where a history and the log differ first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The entry in which that shows. One more than the last, when something never came.
    pub entry: usize,
    /// How they differ.
    pub difference: Difference,
}

/// How a history and the log differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The event at that sequence never came.
    Lost(u64),
    /// The event at that sequence came again.
    Doubled(u64),
    /// The event at that sequence came before, or after, another one that it should not have.
    Reordered(u64),
    /// What came at that sequence is for others, or the log has something else there, or nothing.
    Foreign(u64, String),
    /// The position that was told does not follow from what was told before.
    WrongPosition(u64),
    /// A gap that is none, or another one than was told.
    WrongGap(Gap),
    /// What no client can make sense of.
    Nonsense(String),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(sequence) => write!(f, "event {sequence} was lost"),
            Self::Doubled(sequence) => write!(f, "event {sequence} came twice"),
            Self::Reordered(sequence) => write!(f, "event {sequence} came out of order"),
            Self::Foreign(sequence, why) => write!(f, "event {sequence} is foreign: {why}"),
            Self::WrongPosition(sequence) => write!(f, "the position {sequence} is wrong"),
            Self::WrongGap(gap) => write!(
                f,
                "the gap from {} to {} ({}) is wrong",
                gap.requested, gap.resumed_from, gap.reason
            ),
            Self::Nonsense(text) => write!(f, "no client can go on after this: {text}"),
        }
    }
}
