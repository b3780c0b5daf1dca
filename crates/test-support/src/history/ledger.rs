//! The log over time: what it held, what it lost, and what was handed to it.
//!
//! A log that loses its last messages goes on with others in their places. From then on there are two versions of it, which
//! have in common what came before. Each message belongs to the versions from the one in which it was stored to the one
//! with which it was lost.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::history::Digest;

/// The subject of what is for everybody.
pub(super) const EVERYBODY: &str = "evt.all";

/// What the log held and holds.
#[derive(Debug, Default)]
pub struct Ledger {
    /// By sequence and the version in which they were stored.
    messages: HashMap<String, BTreeMap<(u64, usize), Stored>>,
    /// Where each version but the last was cut off. It was read up to there, and what came behind is known in part.
    ended: Vec<Ended>,
    last_sequence: u64,
    /// For whom, and how many were sent before.
    sent: HashMap<Digest, (String, usize)>,
    acknowledged: HashSet<Digest>,
}

/// A version of the log that is no more.
#[derive(Debug, Clone, Copy)]
struct Ended {
    /// How far it was read.
    known_to: u64,
    /// The last sequence that it has in common with the next one.
    cut: u64,
    /// How many events had been sent when it ended. No later one can have been in it.
    sent: usize,
}

/// A message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) sequence: u64,
    pub(super) digest: Digest,
    /// The last version that has it, if it was lost.
    lost_with: Option<usize>,
}

impl Ledger {
    /// Notes that an event is being appended for the recipients of that subject.
    pub fn send(&mut self, subject: &str, payload: &[u8]) {
        let before = self.sent.len();
        let sent = (subject.to_owned(), before);
        self.sent.entry(Digest::of(payload)).or_insert(sent);
    }

    /// Notes that the log said that it has it.
    pub fn acknowledge(&mut self, payload: &[u8]) {
        self.acknowledged.insert(Digest::of(payload));
    }

    /// Notes the next message of the log, as it was read there.
    pub fn store(&mut self, sequence: u64, subject: &str, payload: &[u8]) {
        let stored = Stored {
            sequence,
            digest: Digest::of(payload),
            lost_with: None,
        };
        let of_subject = self.messages.entry(subject.to_owned()).or_default();
        of_subject.insert((sequence, self.ended.len()), stored);
        self.last_sequence = sequence;
    }

    /// Notes that the server came back from a crash, and that the log ended at that sequence then. To be called after each
    /// crash: what a server had told some and not yet written is lost, and nobody can know what it was. Says how many
    /// messages were lost that had been read.
    pub fn come_back(&mut self, last_sequence: u64) -> usize {
        let version = self.ended.len();
        let mut lost = 0;
        for stored in self.messages.values_mut().flat_map(BTreeMap::values_mut) {
            if stored.lost_with.is_none() && stored.sequence > last_sequence {
                stored.lost_with = Some(version);
                lost += 1;
            }
        }
        self.ended.push(Ended {
            known_to: self.last_sequence,
            cut: last_sequence,
            sent: self.sent.len(),
        });
        self.last_sequence = self.last_sequence.min(last_sequence);
        lost
    }

    /// The last message that was read.
    pub fn last_sequence(&self) -> u64 {
        self.last_sequence
    }

    /// How many messages the log holds.
    pub fn len(&self) -> usize {
        self.current().count()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many events the log said that it has and was never seen to have.
    pub fn missing(&self) -> usize {
        let all = self.messages.values().flat_map(BTreeMap::values);
        let seen: HashSet<Digest> = all.map(|stored| stored.digest).collect();
        self.acknowledged.difference(&seen).count()
    }

    /// How many messages say what another one says: an event that the log took twice.
    pub fn repeated(&self) -> usize {
        let held: HashSet<Digest> = self.current().map(|stored| stored.digest).collect();
        self.len() - held.len()
    }

    fn current(&self) -> impl Iterator<Item = &Stored> {
        let all = self.messages.values().flat_map(BTreeMap::values);
        all.filter(|stored| stored.lost_with.is_none())
    }

    /// The version of the log that there is now.
    pub(super) fn latest(&self) -> usize {
        self.ended.len()
    }

    /// The last sequence that two versions, the older one first, have in common.
    pub(super) fn common(&self, older: usize, newer: usize) -> u64 {
        let cuts = self.ended[older..newer].iter().map(|ended| ended.cut);
        cuts.min().unwrap_or(u64::MAX)
    }

    /// Whether a position lies within a version, as far as is known of it.
    pub(super) fn reaches(&self, version: usize, position: u64) -> bool {
        version < self.latest() || position <= self.last_sequence
    }

    /// The first message after a position that a version holds for somebody.
    pub(super) fn next(&self, version: usize, own: &str, after: u64) -> Option<Stored> {
        let first = |subject: &str| {
            let later = self.messages.get(subject)?.range((after + 1, 0)..);
            let mut held = later.filter(|((_, from), stored)| {
                *from <= version && stored.lost_with.is_none_or(|last| version <= last)
            });
            held.next().map(|(_, stored)| *stored)
        };
        let (own, shared) = (first(own), first(EVERYBODY));
        match (own, shared) {
            (Some(own), Some(shared)) if shared.sequence < own.sequence => Some(shared),
            (own, shared) => own.or(shared),
        }
    }

    /// Whether an event may have been in the part of a version that nobody could read any more.
    pub(super) fn may_have_been(&self, version: usize, own: &str, sequence: u64, digest: Digest) -> bool {
        let (Some(ended), Some((subject, before))) = (self.ended.get(version), self.sent.get(&digest)) else {
            return false;
        };
        sequence > ended.known_to && *before < ended.sent && (subject == own || subject == EVERYBODY)
    }

    /// Whose message lies at a sequence of a version, and what it says.
    pub(super) fn at(&self, version: usize, sequence: u64) -> Option<(&str, Digest)> {
        self.messages.iter().find_map(|(subject, messages)| {
            let there = messages.range((sequence, 0)..=(sequence, version)).next_back();
            let (_, stored) =
                there.filter(|(_, stored)| stored.lost_with.is_none_or(|last| version <= last))?;
            Some((subject.as_str(), stored.digest))
        })
    }
}
