//! Where the acks of all appends come back: one inbox, which one task reads.
//!
//! Records go out in blocks. All records of a block ask for their acks at the same subject, `<inbox>.<slot>.<turn>`, and
//! the block is stored once as many came as it has records, whichever came first. One subject for each record would tell
//! more and cost more, above all in the server: it keeps what subjects led to, and a subject that comes once is one more
//! to look up and to keep. Slots are used again and again, so there are few.
//!
//! A slot that is given up before all of its acks came gets another turn: acks of the old one find nobody. Permits are
//! counts: an unanswered record holds one, and whoever takes its ack or gives it up, under the lock, sets it free.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::{Client, Message, Subject, Subscriber};
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::append::answer::Answer;
use crate::append::blocks::Blocks;
use crate::error::{Cause, OpenError};
use crate::settings::Settings;

/// The most records in a block.
const BLOCK: usize = 64;

/// Acks that are taken under one lock.
const ACKS_AT_ONCE: usize = 256;

/// The inbox of all appends, and their permits.
pub(crate) struct Acks {
    block_size: usize,
    shared: Arc<Shared>,
    dispatcher: AbortHandle,
}

pub(crate) struct Shared {
    inbox: String,
    stream: String,
    pub(crate) permits: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    slots: Vec<Slot>,
    free: Vec<usize>,
    pub(crate) chunks: HashMap<u64, Blocks>,
    next_chunk: u64,
}

/// An address for acks, and who waits there.
struct Slot {
    turn: u64,
    reply: Subject,
    waiting: Option<Waiting>,
}

/// A block that waits for acks.
struct Waiting {
    chunk: u64,
    block: usize,
    unanswered: usize,
    confirmed: usize,
    /// Whether one of its records is known not to be stored.
    failed: bool,
    heard: Instant,
}

/// Acks that came for one slot, one behind the other.
struct Tally {
    slot: usize,
    turn: u64,
    stored: usize,
    duplicates: usize,
    others: Vec<Answer>,
}

impl Acks {
    pub(crate) async fn open(client: &Client, settings: &Settings) -> Result<Self, OpenError> {
        let shared = Arc::new(Shared::new(client.new_inbox(), settings));
        let answers = client.subscribe(format!("{}.*.*", shared.inbox)).await;
        let answers = answers.map_err(|error| OpenError::Stream {
            stream: settings.stream.clone(),
            cause: Cause::of(&error),
        })?;
        Ok(Self {
            // Several blocks are in flight: with one alone, the server would be idle whenever it ends.
            block_size: (settings.in_flight / 8).clamp(1, BLOCK),
            dispatcher: tokio::spawn(dispatch(answers, Arc::clone(&shared))).abort_handle(),
            shared,
        })
    }

    pub(crate) fn block_size(&self) -> usize {
        self.block_size
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Drop for Acks {
    /// The dispatcher's subscription would keep the connection open for ever.
    fn drop(&mut self) {
        self.dispatcher.abort();
    }
}

impl Shared {
    pub(crate) fn new(inbox: String, settings: &Settings) -> Self {
        Self {
            inbox,
            stream: settings.stream.clone(),
            permits: Semaphore::new(settings.in_flight),
            state: Mutex::default(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes acks and sets free what they held.
    fn take(&self, tallies: Vec<Tally>) {
        let now = Instant::now();
        let mut state = self.lock();
        let freed = tallies.into_iter().map(|tally| state.take(tally, now)).sum();
        drop(state);
        self.permits.add_permits(freed);
    }
}

impl State {
    pub(crate) fn insert(&mut self, chunk: Blocks) -> u64 {
        let id = self.next_chunk;
        self.next_chunk += 1;
        self.chunks.insert(id, chunk);
        id
    }

    /// Waits for the acks of a block from now on, and says where they are to go.
    pub(crate) fn open(
        &mut self,
        inbox: &Shared,
        chunk: u64,
        block: usize,
        records: usize,
    ) -> (usize, Subject) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::new(inbox, self.slots.len(), 0));
            self.slots.len() - 1
        });
        self.slots[slot].waiting = Some(Waiting {
            chunk,
            block,
            unanswered: records,
            confirmed: 0,
            failed: false,
            heard: Instant::now(),
        });
        (slot, self.slots[slot].reply.clone())
    }

    /// Takes one answer for a slot's present turn.
    pub(crate) fn answer(&mut self, slot: usize, answer: Answer) -> usize {
        let turn = self.slots[slot].turn;
        let mut tally = Tally::new(slot, turn);
        tally.add(answer);
        self.take(tally, Instant::now())
    }

    /// When the block in that slot was last heard of.
    pub(crate) fn heard(&self, slot: usize) -> Option<Instant> {
        Some(self.slots[slot].waiting.as_ref()?.heard)
    }

    /// Takes what came for a slot and says how many records were answered by it.
    fn take(&mut self, tally: Tally, now: Instant) -> usize {
        let Some(slot) = self
            .slots
            .get_mut(tally.slot)
            .filter(|slot| slot.turn == tally.turn)
        else {
            return 0;
        };
        let Some(waiting) = &mut slot.waiting else {
            return 0;
        };
        let answered = waiting.unanswered.min(tally.answered());
        waiting.heard = now;
        waiting.unanswered -= answered;
        waiting.confirmed += tally.stored + tally.duplicates;
        waiting.failed |= !tally.others.is_empty();
        let done = waiting.unanswered == 0;
        if let Some(chunk) = self.chunks.get_mut(&waiting.chunk) {
            chunk.emitted(tally.stored);
            for answer in tally.others {
                chunk.trouble(waiting.block, answer);
            }
            if done {
                chunk.close(waiting.block, waiting.confirmed, waiting.failed);
            }
        }
        if done {
            slot.waiting = None;
            self.free.push(tally.slot);
        }
        answered
    }

    /// Waits no longer in that slot, and says how many records had not been answered.
    pub(crate) fn give_up(&mut self, inbox: &Shared, slot: usize) -> usize {
        let turn = self.slots[slot].turn + 1;
        let old = std::mem::replace(&mut self.slots[slot], Slot::new(inbox, slot, turn));
        self.free.push(slot);
        let Some(waiting) = old.waiting else { return 0 };
        if let Some(chunk) = self.chunks.get_mut(&waiting.chunk) {
            chunk.close(waiting.block, waiting.confirmed, true);
        }
        waiting.unanswered
    }
}

impl Slot {
    fn new(inbox: &Shared, slot: usize, turn: u64) -> Self {
        Self {
            turn,
            reply: format!("{}.{slot}.{turn}", inbox.inbox).into(),
            waiting: None,
        }
    }
}

impl Tally {
    fn new(slot: usize, turn: u64) -> Self {
        Self {
            slot,
            turn,
            stored: 0,
            duplicates: 0,
            others: Vec::new(),
        }
    }

    fn add(&mut self, answer: Answer) {
        match answer {
            Answer::Stored => self.stored += 1,
            Answer::Duplicate => self.duplicates += 1,
            other => self.others.push(other),
        }
    }

    fn answered(&self) -> usize {
        self.stored + self.duplicates + self.others.len()
    }
}

async fn dispatch(mut answers: Subscriber, shared: Arc<Shared>) {
    while let Some(first) = answers.next().await {
        let mut tallies = Vec::new();
        count(&mut tallies, &first, &shared);
        let mut last = first.subject;
        for _ in 1..ACKS_AT_ONCE {
            let Some(Some(next)) = answers.next().now_or_never() else {
                break;
            };
            match tallies.last_mut() {
                Some(tally) if next.subject == last => tally.add(Answer::read(&next, &shared.stream)),
                _ => {
                    count(&mut tallies, &next, &shared);
                    last = next.subject;
                }
            }
        }
        shared.take(tallies);
    }
}

/// Begins a tally with an answer, unless nobody ever asked for it.
fn count(tallies: &mut Vec<Tally>, answer: &Message, shared: &Shared) {
    if let Some((slot, turn)) = address(answer, shared.inbox.len() + 1) {
        let mut tally = Tally::new(slot, turn);
        tally.add(Answer::read(answer, &shared.stream));
        tallies.push(tally);
    }
}

/// The slot and its turn, behind the inbox and a dot.
fn address(answer: &Message, start: usize) -> Option<(usize, u64)> {
    let (slot, turn) = answer.subject.as_str().get(start..)?.split_once('.')?;
    Some((slot.parse().ok()?, turn.parse().ok()?))
}
