//! Everybody's recent events, in memory, found by person and position without a search.
//!
//! Frames lie in one queue in the order of the log. Each person's frames, and those for everybody, are also listed in a
//! chain of their own: a queue of places in the first one. What a person at position P gets next is the smaller of two
//! candidates, one from each chain, each found by bisection. So a frame is stored once however many get it, a reader
//! costs nothing while it waits, and a long backlog costs no long walk.
//!
//! The window is complete above its floor: a reader at or above it gets exactly what the log would give it. A reader
//! below has to ask the log. Sequences have holes; only their order is used.

mod chains;
mod frames;

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};
use proto_schemas::{Recipient, UserId};

use crate::block::Block;

use chains::Chains;
use frames::Frames;

/// What a frame costs beyond its bytes: its places in the queue and in a chain, its allocation, its share of the map.
const FRAME_OVERHEAD: usize = 160;

/// Recent frames, bounded by bytes and age.
pub(crate) struct Window {
    bounds: Bounds,
    frames: Frames,
    users: Chains,
    everybody: Chain,
    floor: u64,
    head: u64,
    bytes: usize,
    /// Where the log ended each time that it turned out to have lost its last messages.
    rewinds: Vec<u64>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) bytes: usize,
    pub(crate) age: Duration,
}

/// A stored message as it goes down the streams of its recipient.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) sequence: u64,
    pub(crate) recipient: Recipient,
    pub(crate) stored_at: DateTime<Utc>,
    pub(crate) block: Block,
}

/// How much a window holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) bytes: usize,
    pub(crate) events: usize,
    /// When its first event was appended.
    pub(crate) oldest: Option<DateTime<Utc>>,
}

/// How far a window has moved on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turnover {
    pub(crate) frames: u64,
    pub(crate) removed: u64,
}

/// Places of the frames for one recipient, in order.
type Chain = VecDeque<u64>;

/// Where a reader stands: the last sequence that it has, and how many rewinds of the log it knows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) sequence: u64,
    pub(crate) rewinds: usize,
}

/// What a reader does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Write this, which was appended then, and stand there.
    Write {
        block: Block,
        appended: DateTime<Utc>,
        position: Position,
    },
    /// Nothing is newer. It stands there now, and is to wait.
    Wait(Position),
    /// It is below the window, which is complete above `floor`: ask the log.
    Below { floor: u64 },
    /// The log lost messages that it has seen. It stands there now, and is to tell.
    Rewound(Position),
}

impl Window {
    /// An empty window.
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            frames: Frames::default(),
            users: Chains::new(),
            everybody: Chain::new(),
            floor: 0,
            head: 0,
            bytes: 0,
            rewinds: Vec::new(),
        }
    }

    /// Frames that fit at most, however small they are.
    pub(crate) fn most_frames(bytes: usize) -> u64 {
        (bytes / FRAME_OVERHEAD) as u64
    }

    /// Moves the empty window to where the tail begins.
    pub(crate) fn start(&mut self, after: u64) {
        debug_assert!(self.frames.front().is_none(), "a window begins once");
        self.floor = after;
        self.head = after;
    }

    /// What is in it.
    pub(crate) fn contents(&self) -> Contents {
        Contents {
            bytes: self.bytes,
            events: self.frames.len(),
            oldest: self.frames.front().map(|frame| frame.stored_at),
        }
    }

    /// How many frames it has and how many it ever removed, oldest first.
    pub(crate) fn turnover(&self) -> Turnover {
        Turnover {
            frames: self.frames.len() as u64,
            removed: self.frames.first(),
        }
    }

    /// The position of a reader that has everything so far.
    pub(crate) fn head(&self) -> Position {
        self.at(self.head)
    }

    /// The position of a reader that has everything up to `sequence` and knows the log as it is now.
    pub(crate) fn at(&self, sequence: u64) -> Position {
        Position {
            sequence,
            rewinds: self.rewinds.len(),
        }
    }

    /// Adds the next message of the log.
    pub(crate) fn append(&mut self, frame: Frame) {
        debug_assert!(frame.sequence > self.head, "the tail follows in order");
        let place = self.frames.next();
        match &frame.recipient {
            Recipient::Everybody => self.everybody.push_back(place),
            Recipient::User(user) => self.users.push_back(user, place),
        }
        self.head = frame.sequence;
        self.bytes += cost(&frame);
        self.frames.push_back(frame);
    }

    /// Passes over a message of the log that is for nobody.
    pub(crate) fn pass(&mut self, sequence: u64) {
        self.head = self.head.max(sequence);
    }

    /// Removes what is over the bounds, oldest first.
    pub(crate) fn evict(&mut self, now: DateTime<Utc>) {
        let age = self.bounds.age;
        let too_old = |frame: &Frame| (now - frame.stored_at).to_std().is_ok_and(|its| its > age);
        while let Some(frame) = self.frames.front()
            && (self.bytes > self.bounds.bytes || too_old(frame))
        {
            self.remove_front();
        }
    }

    /// Forgets everything after `last`: the log does not have it any more.
    pub(crate) fn rewind(&mut self, last: u64) {
        while self.frames.back().is_some_and(|frame| frame.sequence > last) {
            self.remove_back();
        }
        self.head = last;
        self.floor = self.floor.min(last);
        self.rewinds.push(last);
    }

    /// The same position, of a reader that need not be told of rewinds that left it all that it has.
    pub(crate) fn informed(&self, position: Position) -> Position {
        let unknown = self.rewinds.get(position.rewinds..).unwrap_or_default();
        if unknown.iter().all(|last| position.sequence <= *last) {
            self.at(position.sequence)
        } else {
            position
        }
    }

    /// What comes next for a reader who gets `user`'s events and everybody's.
    pub(crate) fn next(&self, user: &UserId, position: Position) -> Step {
        let Position { sequence, rewinds } = position;
        let unknown = self.rewinds.get(rewinds..).unwrap_or_default();
        if let Some(&lowest) = unknown.iter().min().filter(|lowest| sequence > **lowest) {
            return Step::Rewound(self.at(lowest));
        }
        if sequence < self.floor {
            return Step::Below { floor: self.floor };
        }
        let own = self
            .users
            .get(user)
            .and_then(|chain| self.first_after(chain, sequence));
        let shared = self.first_after(&self.everybody, sequence);
        let next = match (own, shared) {
            (Some(own), Some(shared)) if shared.sequence < own.sequence => Some(shared),
            (own, shared) => own.or(shared),
        };
        match next {
            Some(frame) => Step::Write {
                block: frame.block.clone(),
                appended: frame.stored_at,
                position: self.at(frame.sequence),
            },
            // A reader may come from another edge whose tail is ahead of ours.
            None => Step::Wait(self.at(self.head.max(sequence))),
        }
    }

    fn first_after(&self, chain: &Chain, sequence: u64) -> Option<&Frame> {
        let place =
            chain.partition_point(|place| self.frames.get(*place).is_some_and(|f| f.sequence <= sequence));
        chain.get(place).and_then(|place| self.frames.get(*place))
    }

    fn remove_front(&mut self) {
        let Some(frame) = self.frames.pop_front() else {
            return;
        };
        self.floor = frame.sequence;
        self.bytes -= cost(&frame);
        self.unlink(&frame.recipient, Chain::pop_front);
    }

    fn remove_back(&mut self) {
        let Some(frame) = self.frames.pop_back() else {
            return;
        };
        self.bytes -= cost(&frame);
        self.unlink(&frame.recipient, Chain::pop_back);
    }

    /// The oldest frame of all is the oldest of its chain too, and the newest the newest.
    fn unlink(&mut self, recipient: &Recipient, end: fn(&mut Chain) -> Option<u64>) {
        match recipient {
            Recipient::Everybody => {
                end(&mut self.everybody);
            }
            Recipient::User(user) => self.users.pop(user, end),
        }
    }
}

fn cost(frame: &Frame) -> usize {
    frame.block.chunk().len() + FRAME_OVERHEAD
}

#[cfg(test)]
mod tests;
