//! Where the acks of all appends come back: one inbox, `<inbox>.<chunk>.<record>`, which one task reads.
//!
//! A chunk that waits has its records' states in one map. Dropping [`Expected`] takes it out and gives its permits back;
//! answers that come later find nobody and are dropped. Permits are counts: a record in flight holds one, and whoever
//! changes its state, under the map's lock, gives it back.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::{Client, Message, Subject, Subscriber};
use futures::StreamExt as _;
use tokio::sync::{Notify, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::append::Appended;
use crate::append::answer::{Answer, Refusal};
use crate::error::{Cause, OpenError};
use crate::settings::Settings;

/// Permits are taken for so many records at once, which costs less than one by one.
const BLOCK: usize = 64;

/// Answers that are taken under one lock.
const ANSWERS_AT_ONCE: usize = 256;

/// The inbox of all appends, and their permits.
pub(crate) struct Acks {
    inbox: String,
    block_size: usize,
    chunks: AtomicU64,
    shared: Arc<Shared>,
    dispatcher: AbortHandle,
}

struct Shared {
    stream: String,
    permits: Semaphore,
    waiting: Mutex<HashMap<u64, Waiting>>,
}

/// A chunk that waits for acks.
struct Waiting {
    states: Vec<State>,
    in_flight: usize,
    appended: Appended,
    refusal: Option<(usize, Refusal)>,
    /// The last reason why a record has to be sent again.
    obstacle: Option<Cause>,
    /// When the last answer came, or the first was asked for.
    heard: Instant,
    all_answered: Arc<Notify>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Missing,
    InFlight,
    Stored,
}

impl Acks {
    pub(crate) async fn open(client: &Client, settings: &Settings) -> Result<Self, OpenError> {
        let inbox = client.new_inbox();
        let answers = client.subscribe(format!("{inbox}.*.*")).await;
        let answers = answers.map_err(|error| OpenError::Stream {
            stream: settings.stream.clone(),
            cause: Cause::of(&error),
        })?;
        let shared = Arc::new(Shared {
            stream: settings.stream.clone(),
            permits: Semaphore::new(settings.in_flight),
            waiting: Mutex::default(),
        });
        let prefix = inbox.len() + 1;
        let dispatcher = tokio::spawn(dispatch(answers, prefix, Arc::clone(&shared))).abort_handle();
        Ok(Self {
            inbox,
            // Small enough that blocks overlap: else the server would be idle whenever one ends.
            block_size: (settings.in_flight / 8).clamp(1, BLOCK),
            chunks: AtomicU64::new(0),
            shared,
            dispatcher,
        })
    }

    /// Waits from now on for the acks of a chunk of that many records.
    pub(crate) fn expect(&self, records: usize) -> Expected<'_> {
        let chunk = self.chunks.fetch_add(1, Ordering::Relaxed);
        let all_answered = Arc::new(Notify::new());
        let waiting = Waiting {
            states: vec![State::Missing; records],
            in_flight: 0,
            appended: Appended::default(),
            refusal: None,
            obstacle: None,
            heard: Instant::now(),
            all_answered: Arc::clone(&all_answered),
        };
        self.shared.lock().insert(chunk, waiting);
        Expected {
            acks: self,
            chunk,
            all_answered,
            inbox: format!("{}.{chunk}.", self.inbox),
        }
    }
}

impl Drop for Acks {
    /// The dispatcher's subscription would keep the connection open for ever.
    fn drop(&mut self) {
        self.dispatcher.abort();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A chunk's place among those that wait, given up when it is dropped.
pub(crate) struct Expected<'a> {
    acks: &'a Acks,
    chunk: u64,
    all_answered: Arc<Notify>,
    /// What the replies of this chunk begin with.
    inbox: String,
}

impl Expected<'_> {
    /// How many records [`Expected::begin`] is given at once.
    pub(crate) fn block_size(&self) -> usize {
        self.acks.block_size
    }

    /// Where the ack of a record is to go.
    pub(crate) fn reply(&self, index: usize) -> Subject {
        const DIGITS: usize = 20;
        let mut reply = String::with_capacity(self.inbox.len() + DIGITS);
        reply.push_str(&self.inbox);
        let _ = write!(reply, "{index}");
        reply.into()
    }

    /// Waits for the right to send these records. Not given when the log has refused one of the chunk meanwhile.
    pub(crate) async fn begin(&self, block: &[usize]) -> bool {
        let count = u32::try_from(block.len()).unwrap_or(u32::MAX);
        let Ok(permits) = self.acks.shared.permits.acquire_many(count).await else {
            return false;
        };
        self.with(|waiting| {
            if waiting.refusal.is_some() {
                return false;
            }
            if waiting.in_flight == 0 {
                waiting.heard = Instant::now();
            }
            for &index in block {
                waiting.states[index] = State::InFlight;
            }
            waiting.in_flight += block.len();
            permits.forget();
            true
        })
    }

    /// Waits until nothing is in flight.
    pub(crate) async fn all_answered(&self) {
        while self.with(|waiting| waiting.in_flight > 0) {
            self.all_answered.notified().await;
        }
    }

    /// When the last answer came. Now, when none is due.
    pub(crate) fn heard(&self) -> Instant {
        self.with(|waiting| match waiting.in_flight {
            0 => Instant::now(),
            _ => waiting.heard,
        })
    }

    /// Takes an answer that came another way than through the inbox.
    pub(crate) fn answer(&self, index: usize, answer: Answer) {
        let freed = self.with(|waiting| waiting.take(index, answer));
        self.acks.shared.permits.add_permits(freed);
    }

    /// Waits no longer for what is in flight: it is missing.
    pub(crate) fn give_up(&self, obstacle: Option<Cause>) {
        let freed = self.with(|waiting| {
            for state in &mut waiting.states {
                if *state == State::InFlight {
                    *state = State::Missing;
                }
            }
            if obstacle.is_some() {
                waiting.obstacle = obstacle;
            }
            std::mem::take(&mut waiting.in_flight)
        });
        self.acks.shared.permits.add_permits(freed);
    }

    /// The places of the records that are not known to be stored.
    pub(crate) fn missing(&self) -> Vec<usize> {
        self.with(|waiting| {
            let states = waiting.states.iter().enumerate();
            let missing = states.filter(|(_, state)| **state != State::Stored);
            missing.map(|(index, _)| index).collect()
        })
    }

    pub(crate) fn appended(&self) -> Appended {
        self.with(|waiting| waiting.appended)
    }

    /// The first answer that no repetition changes, and the place of its record.
    pub(crate) fn refusal(&self) -> Option<(usize, Refusal)> {
        self.with(|waiting| waiting.refusal.clone())
    }

    /// The last reason why records had to be sent again.
    pub(crate) fn obstacle(&self) -> Cause {
        let obstacle = self.with(|waiting| waiting.obstacle.clone());
        obstacle.unwrap_or_else(|| Cause::of(&"no ack"))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Waiting) -> T) -> T {
        let mut waiting = self.acks.shared.lock();
        act(waiting
            .get_mut(&self.chunk)
            .expect("it is there until this is dropped"))
    }
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        let left = self.acks.shared.lock().remove(&self.chunk);
        let freed = left.map_or(0, |waiting| waiting.in_flight);
        self.acks.shared.permits.add_permits(freed);
    }
}

impl Waiting {
    /// Takes the answer of one record and says how many permits that sets free.
    fn take(&mut self, index: usize, answer: Answer) -> usize {
        // What is known to be stored stays so, whatever becomes of another copy of it.
        let held = match self.states.get(index) {
            None | Some(State::Stored) => return 0,
            Some(State::InFlight) => 1,
            Some(State::Missing) => 0,
        };
        self.states[index] = State::Missing;
        match answer {
            Answer::Stored => {
                self.states[index] = State::Stored;
                self.appended.emitted += 1;
            }
            Answer::Duplicate => {
                self.states[index] = State::Stored;
                self.appended.already_emitted += 1;
            }
            Answer::Passing(cause) => self.obstacle = Some(cause),
            Answer::Final(refusal) => {
                self.refusal.get_or_insert((index, refusal));
            }
        }
        self.in_flight -= held;
        if self.in_flight == 0 {
            self.all_answered.notify_one();
        }
        held
    }
}

async fn dispatch(answers: Subscriber, prefix: usize, shared: Arc<Shared>) {
    let mut answers = answers.ready_chunks(ANSWERS_AT_ONCE);
    while let Some(messages) = answers.next().await {
        let read: Vec<_> = messages
            .iter()
            .filter_map(|message| Some((record_of(message, prefix)?, Answer::read(message, &shared.stream))))
            .collect();
        let now = Instant::now();
        let mut freed = 0;
        let mut waiting = shared.lock();
        for ((chunk, index), answer) in read {
            if let Some(waiting) = waiting.get_mut(&chunk) {
                waiting.heard = now;
                freed += waiting.take(index, answer);
            }
        }
        drop(waiting);
        shared.permits.add_permits(freed);
    }
}

/// Which chunk and record an answer is for.
fn record_of(message: &Message, prefix: usize) -> Option<(u64, usize)> {
    let (chunk, index) = message.subject.as_str().get(prefix..)?.split_once('.')?;
    Some((chunk.parse().ok()?, index.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acks(in_flight: usize) -> Acks {
        Acks {
            inbox: "_INBOX.x".to_owned(),
            block_size: 1,
            chunks: AtomicU64::new(0),
            shared: Arc::new(Shared {
                stream: "EVENTS".to_owned(),
                permits: Semaphore::new(in_flight),
                waiting: Mutex::default(),
            }),
            dispatcher: tokio::spawn(async {}).abort_handle(),
        }
    }

    fn free(acks: &Acks) -> usize {
        acks.shared.permits.available_permits()
    }

    #[tokio::test]
    async fn a_chunk_that_is_dropped_leaves_nothing_behind() {
        let acks = acks(10);
        let expected = acks.expect(5);
        assert!(expected.begin(&[0, 1, 2]).await);
        expected.answer(1, Answer::Stored);
        assert_eq!(free(&acks), 8);
        drop(expected);
        assert_eq!(free(&acks), 10);
        assert!(acks.shared.lock().is_empty());
    }

    #[tokio::test]
    async fn an_ack_that_comes_late_or_twice_counts_once_and_frees_once() {
        let acks = acks(10);
        let expected = acks.expect(2);
        assert!(expected.begin(&[0, 1]).await);
        expected.give_up(None);
        assert_eq!((free(&acks), expected.missing()), (10, vec![0, 1]));
        // The first copy was stored after all; nobody waits for it any more.
        expected.answer(0, Answer::Stored);
        assert!(expected.begin(&[1]).await);
        expected.answer(0, Answer::Duplicate);
        expected.answer(1, Answer::Stored);
        expected.answer(1, Answer::Passing(Cause::of(&"of another copy")));
        expected.all_answered().await;
        assert_eq!((free(&acks), expected.missing()), (10, Vec::new()));
        let both = Appended {
            emitted: 2,
            already_emitted: 0,
        };
        assert_eq!(expected.appended(), both);
    }

    #[tokio::test]
    async fn after_a_refusal_nothing_more_is_begun() {
        let acks = acks(10);
        let expected = acks.expect(3);
        assert!(expected.begin(&[0]).await);
        expected.answer(0, Answer::Final(Refusal::Record(Cause::of(&"too large"))));
        assert!(!expected.begin(&[1]).await);
        assert_eq!(free(&acks), 10);
        assert_eq!(expected.refusal().map(|(index, _)| index), Some(0));
    }
}
