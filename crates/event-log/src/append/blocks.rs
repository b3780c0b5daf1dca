//! What is known of the records of one chunk, block by block.

use std::ops::Range;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::append::Appended;
use crate::append::answer::{Answer, Refusal};
use crate::error::Cause;

/// The blocks of a chunk under way.
pub(crate) struct Blocks {
    blocks: Vec<Block>,
    open: usize,
    /// Records that this append has stored, over all attempts.
    emitted: usize,
    refused: Option<(usize, Refusal)>,
    /// The last reason why something has to be sent again.
    obstacle: Option<Cause>,
    all_closed: Arc<Notify>,
}

struct Block {
    records: Range<usize>,
    /// How many of them are known to be stored.
    confirmed: usize,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Missing,
    /// Waits for acks in a slot.
    Open(usize),
    Stored,
}

/// An answer that no repetition changes, as far as it is known what to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// To one of these records, to be found out which.
    OneOf(usize),
    /// To this record.
    Record(usize, Cause),
    /// To any record.
    Log(Cause),
    /// That another stream has stored it.
    OtherStream(String),
}

impl Blocks {
    pub(crate) fn new(records: usize, block_size: usize, all_closed: Arc<Notify>) -> Self {
        let starts = (0..records).step_by(block_size);
        Self {
            blocks: starts
                .map(|start| Block::new(start..records.min(start + block_size)))
                .collect(),
            open: 0,
            emitted: 0,
            refused: None,
            obstacle: None,
            all_closed,
        }
    }

    /// The blocks that are not known to be stored whole, with their records.
    pub(crate) fn missing(&self) -> Vec<(usize, Range<usize>)> {
        let blocks = self.blocks.iter().enumerate();
        let missing = blocks.filter(|(_, block)| block.phase != Phase::Stored);
        missing
            .map(|(place, block)| (place, block.records.clone()))
            .collect()
    }

    pub(crate) fn open(&mut self, block: usize, slot: usize) {
        self.blocks[block].phase = Phase::Open(slot);
        self.open += 1;
    }

    /// The slots in which blocks wait.
    pub(crate) fn slots(&self) -> Vec<usize> {
        let open = |block: &Block| match block.phase {
            Phase::Open(slot) => Some(slot),
            Phase::Missing | Phase::Stored => None,
        };
        self.blocks.iter().filter_map(open).collect()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open > 0
    }

    /// The log has stored so many records more.
    pub(crate) fn emitted(&mut self, records: usize) {
        self.emitted += records;
    }

    /// Takes an answer to one record of a block which says that it is not stored.
    pub(crate) fn trouble(&mut self, block: usize, answer: Answer) {
        match answer {
            Answer::Stored | Answer::Duplicate => {}
            Answer::Passing(cause) => self.obstacle = Some(cause),
            Answer::Final(refusal) => {
                self.refused.get_or_insert((block, refusal));
            }
        }
    }

    /// Nothing more is waited for in this block.
    pub(crate) fn close(&mut self, block: usize, confirmed: usize, failed: bool) {
        let block = &mut self.blocks[block];
        // What an earlier attempt heard of stays known.
        block.confirmed = block.confirmed.max(confirmed);
        block.phase = if failed { Phase::Missing } else { Phase::Stored };
        self.open -= 1;
        if self.open == 0 {
            self.all_closed.notify_one();
        }
    }

    /// Why nothing is sent any more, if that is so.
    pub(crate) fn refused(&self) -> Option<Refused> {
        let (block, refusal) = self.refused.clone()?;
        let records = &self.blocks[block].records;
        Some(match refusal {
            Refusal::Record(cause) if records.len() == 1 => Refused::Record(records.start, cause),
            Refusal::Record(_) => Refused::OneOf(block),
            Refusal::Log(cause) => Refused::Log(cause),
            Refusal::OtherStream(found) => Refused::OtherStream(found),
        })
    }

    /// Makes a block of each record of this one, so that the next answer tells which is refused.
    pub(crate) fn single_out(&mut self, block: usize) {
        self.refused = None;
        let records = self.blocks[block].records.clone();
        let singles = records.map(|record| Block::new(record..record + 1));
        self.blocks.splice(block..=block, singles);
    }

    pub(crate) fn set_obstacle(&mut self, obstacle: Cause) {
        self.obstacle = Some(obstacle);
    }

    pub(crate) fn obstacle(&self) -> Cause {
        self.obstacle.clone().unwrap_or_else(|| Cause::of(&"no ack"))
    }

    pub(crate) fn appended(&self) -> Appended {
        let confirmed: usize = self.blocks.iter().map(|block| block.confirmed).sum();
        Appended {
            emitted: self.emitted as u64,
            // What an attempt stored is confirmed anew by the next one.
            already_emitted: confirmed.saturating_sub(self.emitted) as u64,
        }
    }
}

impl Block {
    fn new(records: Range<usize>) -> Self {
        Self {
            records,
            confirmed: 0,
            phase: Phase::Missing,
        }
    }
}
