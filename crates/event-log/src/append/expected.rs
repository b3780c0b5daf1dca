//! One chunk's side of the acks: its blocks among those that wait.

use std::ops::Range;
use std::sync::Arc;

use async_nats::Subject;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::append::acks::{Acks, Shared};
use crate::append::answer::Answer;
use crate::append::blocks::Blocks;
use crate::error::Cause;

/// A chunk that is being appended. Dropping it leaves nothing behind.
pub(crate) struct Expected<'a> {
    shared: &'a Shared,
    chunk: u64,
    all_closed: Arc<Notify>,
}

/// A block that may be sent.
pub(crate) struct Begun {
    slot: usize,
    /// Where its acks are to go.
    pub(crate) reply: Subject,
}

impl<'a> Expected<'a> {
    pub(crate) fn new(acks: &'a Acks, records: usize) -> Self {
        let (shared, all_closed) = (acks.shared(), Arc::new(Notify::new()));
        let blocks = Blocks::new(records, acks.block_size(), Arc::clone(&all_closed));
        let chunk = shared.lock().insert(blocks);
        Self {
            shared,
            chunk,
            all_closed,
        }
    }

    /// Waits for the right to send a block. Not given when the log has refused one of the chunk meanwhile.
    pub(crate) async fn begin(&self, block: usize, records: &Range<usize>) -> Option<Begun> {
        let count = u32::try_from(records.len()).ok()?;
        let permits = self.shared.permits.acquire_many(count).await.ok()?;
        let mut state = self.shared.lock();
        if state.chunks.get(&self.chunk)?.refused().is_some() {
            return None;
        }
        let (slot, reply) = state.open(self.shared, self.chunk, block, records.len());
        state.chunks.get_mut(&self.chunk)?.open(block, slot);
        permits.forget();
        Some(Begun { slot, reply })
    }

    /// Takes an answer to one record of a block that came another way than through the inbox.
    pub(crate) fn answer(&self, begun: &Begun, answer: Answer) {
        let freed = self.shared.lock().answer(begun.slot, answer);
        self.shared.permits.add_permits(freed);
    }

    /// Waits until every block that was begun has its answers.
    pub(crate) async fn all_closed(&self) {
        while self.with(|blocks| blocks.is_open()) {
            self.all_closed.notified().await;
        }
    }

    /// When the last answer came. Now, when none is due.
    pub(crate) fn heard(&self) -> Instant {
        let state = self.shared.lock();
        let slots = state
            .chunks
            .get(&self.chunk)
            .map(Blocks::slots)
            .unwrap_or_default();
        let heard = slots.into_iter().filter_map(|slot| state.heard(slot)).max();
        heard.unwrap_or_else(Instant::now)
    }

    /// Waits no longer for what has no answer: it is missing.
    pub(crate) fn give_up(&self) {
        let mut state = self.shared.lock();
        let slots = state
            .chunks
            .get(&self.chunk)
            .map(Blocks::slots)
            .unwrap_or_default();
        let freed = slots
            .into_iter()
            .map(|slot| state.give_up(self.shared, slot))
            .sum();
        drop(state);
        self.shared.permits.add_permits(freed);
    }

    pub(crate) fn set_obstacle(&self, obstacle: Cause) {
        self.with(|blocks| blocks.set_obstacle(obstacle));
    }

    /// Looks at what is known of the chunk, or changes it.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Blocks) -> T) -> T {
        let mut state = self.shared.lock();
        let blocks = state.chunks.get_mut(&self.chunk);
        act(blocks.expect("it is there until this is dropped"))
    }
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        self.give_up();
        self.shared.lock().chunks.remove(&self.chunk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::append::Appended;
    use crate::append::answer::Refusal;
    use crate::append::blocks::Refused;
    use crate::settings::Settings;

    const IN_FLIGHT: usize = 10;

    fn shared() -> Shared {
        let settings = Settings {
            in_flight: IN_FLIGHT,
            ..Settings::default()
        };
        Shared::new("_INBOX.x".to_owned(), &settings)
    }

    fn expect(shared: &Shared, records: usize, block_size: usize) -> Expected<'_> {
        let all_closed = Arc::new(Notify::new());
        let blocks = Blocks::new(records, block_size, Arc::clone(&all_closed));
        Expected {
            shared,
            chunk: shared.lock().insert(blocks),
            all_closed,
        }
    }

    fn appended(expected: &Expected<'_>) -> (u64, u64) {
        let Appended {
            emitted,
            already_emitted,
        } = expected.with(|blocks| blocks.appended());
        (emitted, already_emitted)
    }

    /// The first record of each missing block.
    fn missing(expected: &Expected<'_>) -> Vec<usize> {
        let missing = expected.with(|blocks| blocks.missing());
        missing.into_iter().map(|(_, records)| records.start).collect()
    }

    fn too_large() -> Answer {
        Answer::Final(Refusal::Record(Cause::of(&"too large")))
    }

    #[tokio::test]
    async fn a_chunk_that_is_dropped_leaves_nothing_behind() {
        let shared = shared();
        let expected = expect(&shared, 5, 3);
        let begun = expected.begin(0, &(0..3)).await.unwrap();
        expected.answer(&begun, Answer::Stored);
        assert_eq!(shared.permits.available_permits(), IN_FLIGHT - 2);
        drop(expected);
        assert_eq!(shared.permits.available_permits(), IN_FLIGHT);
        assert!(shared.lock().chunks.is_empty());
        // Its slot is free, and the old acks do not find the next one there.
        let next = expect(&shared, 1, 1);
        let again = next.begin(0, &(0..1)).await.unwrap();
        assert_eq!(again.slot, begun.slot);
        assert_ne!(again.reply, begun.reply);
    }

    #[tokio::test]
    async fn what_an_attempt_stored_is_not_taken_for_a_repeat_in_the_next() {
        let shared = shared();
        let expected = expect(&shared, 3, 3);
        let begun = expected.begin(0, &(0..3)).await.unwrap();
        expected.answer(&begun, Answer::Stored);
        expected.answer(&begun, Answer::Stored);
        expected.give_up();
        assert_eq!((missing(&expected), appended(&expected)), (vec![0], (2, 0)));
        let begun = expected.begin(0, &(0..3)).await.unwrap();
        expected.answer(&begun, Answer::Duplicate);
        expected.answer(&begun, Answer::Duplicate);
        expected.answer(&begun, Answer::Stored);
        expected.all_closed().await;
        assert_eq!((missing(&expected), appended(&expected)), (vec![], (3, 0)));
        assert_eq!(shared.permits.available_permits(), IN_FLIGHT);
    }

    #[tokio::test]
    async fn a_block_with_one_failure_among_its_answers_is_sent_again_whole() {
        let shared = shared();
        let expected = expect(&shared, 4, 2);
        for (block, records) in [(0, 0..2), (1, 2..4)] {
            let begun = expected.begin(block, &records).await.unwrap();
            expected.answer(&begun, Answer::Duplicate);
            let second = match block {
                0 => Answer::Passing(Cause::of(&"no leader")),
                _ => Answer::Duplicate,
            };
            expected.answer(&begun, second);
        }
        expected.all_closed().await;
        assert_eq!((missing(&expected), appended(&expected)), (vec![0], (0, 3)));
    }

    #[tokio::test]
    async fn a_refused_record_is_singled_out() {
        let shared = shared();
        let expected = expect(&shared, 6, 3);
        let begun = expected.begin(0, &(0..3)).await.unwrap();
        for answer in [Answer::Stored, too_large(), Answer::Stored] {
            expected.answer(&begun, answer);
        }
        assert!(expected.begin(1, &(3..6)).await.is_none(), "nothing more is sent");
        let refused = expected.with(|blocks| blocks.refused());
        assert_eq!(refused, Some(Refused::OneOf(0)));
        expected.with(|blocks| blocks.single_out(0));
        assert_eq!(missing(&expected), [0, 1, 2, 3]);
        let begun = expected.begin(1, &(1..2)).await.unwrap();
        expected.answer(&begun, too_large());
        let refused = expected.with(|blocks| blocks.refused());
        assert!(matches!(refused, Some(Refused::Record(1, _))), "{refused:?}");
        assert_eq!(appended(&expected), (2, 0));
    }
}
