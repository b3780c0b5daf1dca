//! Who waits for news: the wakers of all streams, by user.
//!
//! A stream leaves its waker here before it looks for something to write. If it finds nothing it sleeps, and whatever is
//! published from then on finds the waker; the other order would lose what is published in between. A waker is taken out
//! when it is used, so however much arrives, a stream is woken once until it has looked again.
//!
//! Wakers are collected under the lock and used outside of it, a bounded number at a time: waking runs the scheduler's
//! code, and a broadcast to twenty thousand streams must not keep a new one from registering.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use proto_schemas::UserId;

/// How many wakers are used between two looks at the lock.
const WAKE_BATCH: usize = 256;

/// The streams of an edge.
#[derive(Default)]
pub(crate) struct Registry(Mutex<Seats>);

#[derive(Default)]
struct Seats {
    seats: Vec<Option<Waiting>>,
    free: Vec<usize>,
    users: HashMap<UserId, Vec<usize>>,
    closing: bool,
}

#[derive(Default)]
struct Waiting {
    waker: Option<Waker>,
    beat: bool,
}

/// One stream's place; given up when it is dropped.
pub(crate) struct Seat {
    registry: Arc<Registry>,
    user: UserId,
    index: usize,
}

/// What a stream was woken for, beside news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signals {
    /// It is time to say something, if there is nothing else to say.
    pub(crate) beat: bool,
    /// The edge closes: say where you stand and end.
    pub(crate) closing: bool,
}

impl Registry {
    /// Takes a place for a stream of that user.
    pub(crate) fn enter(self: &Arc<Self>, user: UserId) -> Seat {
        let mut seats = self.lock();
        let index = seats.free.pop().unwrap_or_else(|| {
            seats.seats.push(None);
            seats.seats.len() - 1
        });
        seats.seats[index] = Some(Waiting::default());
        seats.users.entry(user.clone()).or_default().push(index);
        Seat {
            registry: Arc::clone(self),
            user,
            index,
        }
    }

    /// Wakes the streams of these users.
    pub(crate) fn wake_users<'a>(&self, users: impl IntoIterator<Item = &'a UserId>) {
        let mut users = users.into_iter().peekable();
        while users.peek().is_some() {
            let mut wakers = Vec::new();
            let mut seats = self.lock();
            while wakers.len() < WAKE_BATCH
                && let Some(user) = users.next()
            {
                seats.take_wakers_of(user, &mut wakers);
            }
            drop(seats);
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    /// Wakes all streams.
    pub(crate) fn wake_everybody(&self) {
        self.wake_where(0, 1, |_| {});
    }

    /// Makes every `slices`-th stream, counted from `slice`, say something if it has nothing else to say.
    pub(crate) fn beat(&self, slice: usize, slices: usize) {
        self.wake_where(slice, slices, |waiting| waiting.beat = true);
    }

    /// Ends all streams, also those that come later.
    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.wake_everybody();
    }

    fn wake_where(&self, first: usize, step: usize, mark: impl Fn(&mut Waiting)) {
        let mut index = first;
        loop {
            let mut wakers = Vec::new();
            let mut seats = self.lock();
            let end = seats.seats.len();
            while index < end && wakers.len() < WAKE_BATCH {
                if let Some(waiting) = &mut seats.seats[index] {
                    mark(waiting);
                    wakers.extend(waiting.waker.take());
                }
                index += step;
            }
            drop(seats);
            wakers.into_iter().for_each(Waker::wake);
            if index >= end {
                return;
            }
        }
    }

    /// Nothing is done under this lock that could leave it in pieces.
    fn lock(&self) -> MutexGuard<'_, Seats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seats {
    fn take_wakers_of(&mut self, user: &UserId, wakers: &mut Vec<Waker>) {
        for &index in self.users.get(user).into_iter().flatten() {
            wakers.extend(
                self.seats[index]
                    .as_mut()
                    .and_then(|waiting| waiting.waker.take()),
            );
        }
    }
}

impl Seat {
    /// Whose stream it is.
    pub(crate) fn user(&self) -> &UserId {
        &self.user
    }

    /// Leaves the waker to be woken by, and says what there is to do. To be called before looking for news.
    pub(crate) fn wait(&self, waker: &Waker) -> Signals {
        let mut seats = self.registry.lock();
        let closing = seats.closing;
        let Some(waiting) = &mut seats.seats[self.index] else {
            return Signals { beat: false, closing };
        };
        match &mut waiting.waker {
            Some(old) => old.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        Signals {
            beat: std::mem::take(&mut waiting.beat),
            closing,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.registry.lock();
        let waker = seats.seats[self.index].take();
        seats.free.push(self.index);
        if let Some(indexes) = seats.users.get_mut(&self.user) {
            indexes.retain(|index| *index != self.index);
            if indexes.is_empty() {
                seats.users.remove(&self.user);
            }
        }
        drop(seats);
        // Dropping a waker may run the scheduler's code, too.
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    struct Sleeper {
        seat: Seat,
        count: Arc<Count>,
    }

    impl Sleeper {
        fn new(registry: &Arc<Registry>, user: &str) -> Self {
            Self {
                seat: registry.enter(UserId::new(user).unwrap()),
                count: Arc::default(),
            }
        }

        fn wait(&self) -> Signals {
            self.seat.wait(&Waker::from(Arc::clone(&self.count)))
        }

        fn woken(&self) -> usize {
            self.count.0.load(Ordering::SeqCst)
        }
    }

    #[test]
    fn news_wake_the_streams_of_their_user_and_each_of_them_once_until_it_waits_again() {
        let registry = Arc::new(Registry::default());
        let sleepers = ["ann", "bob", "ann"].map(|user| Sleeper::new(&registry, user));
        let ann = UserId::new("ann").unwrap();
        registry.wake_users([&ann]);
        sleepers
            .iter()
            .for_each(|sleeper| assert_eq!(sleeper.woken(), 0, "nobody waits yet"));
        sleepers.iter().for_each(|sleeper| assert!(!sleeper.wait().beat));
        registry.wake_users([&ann, &ann]);
        registry.wake_users([&ann]);
        assert_eq!(sleepers.each_ref().map(Sleeper::woken), [1, 0, 1]);
        sleepers[0].wait();
        registry.wake_everybody();
        assert_eq!(sleepers.each_ref().map(Sleeper::woken), [2, 1, 1]);
    }

    #[test]
    fn broadcasts_reach_more_streams_than_one_batch_has() {
        let registry = Arc::new(Registry::default());
        let sleepers: Vec<_> = (0..WAKE_BATCH * 3 + 1)
            .map(|_| Sleeper::new(&registry, "ann"))
            .collect();
        sleepers.iter().for_each(|sleeper| assert!(!sleeper.wait().beat));
        registry.wake_everybody();
        assert!(sleepers.iter().all(|sleeper| sleeper.woken() == 1));
    }

    #[test]
    fn heartbeats_come_to_each_stream_once_a_round() {
        let registry = Arc::new(Registry::default());
        let sleepers: Vec<_> = (0..10).map(|_| Sleeper::new(&registry, "ann")).collect();
        sleepers.iter().for_each(|sleeper| assert!(!sleeper.wait().beat));
        registry.beat(1, 4);
        let beaten: Vec<_> = sleepers.iter().map(|sleeper| sleeper.wait().beat).collect();
        let expected: Vec<_> = (0..10).map(|index| index % 4 == 1).collect();
        assert_eq!(beaten, expected);
        assert!(
            sleepers.iter().all(|sleeper| !sleeper.wait().beat),
            "each beat is for once"
        );
    }

    #[test]
    fn a_place_that_was_given_up_is_taken_again_and_keeps_nothing() {
        let registry = Arc::new(Registry::default());
        let first = Sleeper::new(&registry, "ann");
        first.wait();
        drop(first.seat);
        assert!(registry.lock().users.is_empty());
        let second = Sleeper::new(&registry, "bob");
        assert_eq!(second.seat.index, 0);
        registry.wake_everybody();
        assert_eq!(first.count.0.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn closing_is_told_to_those_who_wait_and_those_who_come() {
        let registry = Arc::new(Registry::default());
        let early = Sleeper::new(&registry, "ann");
        early.wait();
        registry.close();
        assert_eq!(early.woken(), 1);
        assert!(early.wait().closing && Sleeper::new(&registry, "bob").wait().closing);
    }
}
