//! What a stream writes at once: blocks that exist already, each with where the stream stands behind it.
//!
//! A batch lives for one turn of one stream. What the socket did not take of it is forgotten and found again.

use arrayvec::ArrayVec;
use proto_schemas::UserId;

use crate::block::Block;
use crate::frame::Reason;
use crate::metrics::Origin;
use crate::window::{Position, Step, Window};

/// Blocks in one write. Others wait meanwhile, so a long backlog takes many turns.
pub(crate) const MOST_BLOCKS: usize = 32;

/// Bytes from which on no more blocks are added.
const ENOUGH_BYTES: usize = 64 * 1024;

/// The next blocks of a stream.
pub(crate) struct Batch {
    entries: ArrayVec<(Block, Position), MOST_BLOCKS>,
    bytes: usize,
    limit: usize,
    content: Content,
    rest: Rest,
}

/// What the blocks of a batch are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// What the edge has to say for itself, if anything: a heartbeat, for example.
    Words,
    /// That something is missing.
    Gap(Reason),
    Events(Origin),
}

/// What comes behind the blocks of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Perhaps more: the stream has to look again.
    Unknown,
    /// Nothing yet, and the stream's waker is left: with all this written it stands there.
    Nothing(Position),
    /// Nothing ever.
    End,
}

/// What a window had for a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Blocks; the batch has them.
    Blocks,
    /// Nothing newer: the reader stands there now, and is to wait.
    Nothing(Position),
    /// Nothing, because the reader is below the window, which is complete above `floor`: ask the log.
    Below { floor: u64 },
    /// Nothing, because the log lost messages that the reader has seen: it stands there now, and is to tell.
    Rewound(Position),
}

impl Batch {
    /// An empty one for as many blocks as one write takes.
    pub(crate) fn new() -> Self {
        Self::of(MOST_BLOCKS)
    }

    /// An empty one for a single block.
    pub(crate) fn single() -> Self {
        Self::of(1)
    }

    /// An empty one for so many blocks at most, and no more than one write takes.
    pub(crate) fn of(limit: usize) -> Self {
        Self {
            entries: ArrayVec::new_const(),
            bytes: 0,
            limit: limit.min(MOST_BLOCKS),
            content: Content::Words,
            rest: Rest::Unknown,
        }
    }

    /// Fills an empty batch with what comes next in the window for a reader of `user`'s events at that position.
    pub(crate) fn fill(&mut self, window: &Window, user: &UserId, mut position: Position) -> Found {
        while !self.is_full() {
            position = match window.next(user, position) {
                Step::Write {
                    block,
                    appended,
                    position,
                } => {
                    if self.is_empty() {
                        self.holds(Content::Events(Origin::Window { appended }));
                    }
                    self.push(block, position);
                    position
                }
                Step::Wait(next) if self.is_empty() => return Found::Nothing(next),
                Step::Below { floor } if self.is_empty() => return Found::Below { floor },
                Step::Rewound(next) if self.is_empty() => return Found::Rewound(next),
                Step::Wait(next) => {
                    self.then(Rest::Nothing(next));
                    break;
                }
                // What was found goes first, and then the reader looks again.
                Step::Below { .. } | Step::Rewound(_) => break,
            };
        }
        Found::Blocks
    }

    /// Adds a block, behind which the stream stands at `position`.
    pub(crate) fn push(&mut self, block: Block, position: Position) {
        let bytes = block.chunk().len();
        if self.entries.try_push((block, position)).is_ok() {
            self.bytes += bytes;
        }
    }

    /// Says what the blocks are.
    pub(crate) fn holds(&mut self, content: Content) {
        self.content = content;
    }

    pub(crate) fn content(&self) -> Content {
        self.content
    }

    /// Says what comes behind.
    pub(crate) fn then(&mut self, rest: Rest) {
        self.rest = rest;
    }

    pub(crate) fn rest(&self) -> Rest {
        self.rest
    }

    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= self.limit || self.bytes >= ENOUGH_BYTES
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.entries.iter().map(|(block, _)| block)
    }

    /// Where the stream stands when it has written the first `count` blocks, if it moved.
    pub(crate) fn position_after(&self, count: usize) -> Option<Position> {
        match self.rest {
            Rest::Nothing(position) if count == self.len() => Some(position),
            _ => {
                let (_, position) = self.entries.get(count.checked_sub(1)?)?;
                Some(*position)
            }
        }
    }
}
