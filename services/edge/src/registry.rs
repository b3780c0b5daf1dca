//! Who waits for news: the wakers of all streams, by user; and how many streams there may be.
//!
//! A stream leaves its waker here before it looks for something to write. If it finds nothing it sleeps, and whatever is
//! published from then on finds the waker; the other order would lose what is published in between. A waker is taken out
//! when it is used, so however much arrives, a stream is woken once until it has looked again. A stream whose socket is
//! full leaves its waker, too, but news do not wake it: it could not write them, and looks by itself when there is room.
//!
//! Wakers are collected under the lock and used outside of it, a bounded number at a time: waking runs the scheduler's
//! code, and a broadcast to twenty thousand streams must not keep a new one from registering.

mod expiry;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use chrono::{DateTime, Utc};
// Whose keys are hashed faster than by the standard library, with seeds that differ from process to process. Keys are of
// people whom a token names and of addresses, and nobody is told how long a look-up took.
use hashbrown::HashMap;
use proto_schemas::UserId;
use smallvec::SmallVec;

pub(crate) use expiry::Due;
use expiry::Term;

/// How many wakers are used between two looks at the lock.
const WAKE_BATCH: usize = 256;

/// How many streams there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) streams: usize,
    pub(crate) per_user: usize,
    pub(crate) per_address: usize,
}

/// Which limit leaves no room for one more stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Full {
    #[error("as many streams are open as this edge may have")]
    Edge,
    #[error("as many streams are open as one user may have")]
    User,
    #[error("as many streams are open as one address may have")]
    Address,
}

/// The streams of an edge.
pub(crate) struct Registry {
    limits: Limits,
    seats: Mutex<Seats>,
}

#[derive(Default)]
struct Seats {
    seats: Vec<Option<Waiting>>,
    free: Vec<usize>,
    /// Most people have one or two.
    users: HashMap<UserId, SmallVec<[usize; 2]>>,
    addresses: HashMap<IpAddr, usize>,
    /// In which second something is due for which stream because its token ends.
    due: BTreeSet<(i64, usize)>,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    #[default]
    Open,
    Closing,
    Abandoned,
}

struct Waiting {
    waker: Option<Waker>,
    sleep: Sleep,
    beat: bool,
    closing: bool,
    address: Option<IpAddr>,
    term: Option<Term>,
}

/// What a stream sleeps for, beside what it is woken for in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sleep {
    /// Its client has everything.
    UntilNews,
    /// Its socket is full.
    UntilRoom,
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
    /// Say where you stand and end.
    pub(crate) closing: bool,
    /// End, whether that can still be said or not.
    pub(crate) abandoned: bool,
    /// The token has ended: say where you stand and end.
    pub(crate) expired: bool,
    /// Say that the token ends then, and that you have said it.
    pub(crate) reauth: Option<DateTime<Utc>>,
}

impl Registry {
    /// No streams yet.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            seats: Mutex::default(),
        }
    }

    /// Takes a place for a stream of that user from that address, if it is known.
    ///
    /// # Errors
    ///
    /// When there are as many as there may be. Nobody who has a place loses it to somebody who comes later: that one
    /// would come back in turn, and both would do nothing but reconnect.
    pub(crate) fn enter(self: &Arc<Self>, user: UserId, address: Option<IpAddr>) -> Result<Seat, Full> {
        let address = address.map(counted);
        let mut seats = self.lock();
        seats.check(&self.limits, &user, address)?;
        let index = seats.free.pop().unwrap_or_else(|| {
            seats.seats.push(None);
            seats.seats.len() - 1
        });
        seats.seats[index] = Some(Waiting {
            waker: None,
            sleep: Sleep::UntilNews,
            beat: false,
            closing: false,
            address,
            term: None,
        });
        seats.users.entry(user.clone()).or_default().push(index);
        if let Some(address) = address {
            *seats.addresses.entry(address).or_default() += 1;
        }
        Ok(Seat {
            registry: Arc::clone(self),
            user,
            index,
        })
    }

    /// How many streams there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().taken()
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
        self.wake_where(0, 1, Waiting::take_for_news);
    }

    /// Makes every `slices`-th stream, counted from `slice`, that has everything look up how far that is by now.
    pub(crate) fn touch(&self, slice: usize, slices: usize) {
        self.wake_where(slice, slices, Waiting::take_for_news);
    }

    /// Makes every `slices`-th stream, counted from `slice`, say something if it has nothing else to say.
    pub(crate) fn beat(&self, slice: usize, slices: usize) {
        self.wake_where(slice, slices, |waiting| {
            waiting.beat = true;
            waiting.waker.take()
        });
    }

    /// Ends every `slices`-th stream, counted from `slice`.
    pub(crate) fn close_slice(&self, slice: usize, slices: usize) {
        self.wake_where(slice, slices, |waiting| {
            waiting.closing = true;
            waiting.waker.take()
        });
    }

    /// Ends all streams, also those that come later.
    pub(crate) fn close(&self) {
        self.enter_phase(Phase::Closing);
    }

    /// Ends all streams without last words: those that are left have clients that do not listen.
    pub(crate) fn abandon(&self) {
        self.enter_phase(Phase::Abandoned);
    }

    fn enter_phase(&self, phase: Phase) {
        let mut seats = self.lock();
        seats.phase = seats.phase.max(phase);
        drop(seats);
        self.wake_where(0, 1, |waiting| waiting.waker.take());
    }

    fn wake_where(&self, first: usize, step: usize, take: impl Fn(&mut Waiting) -> Option<Waker>) {
        let mut index = first;
        loop {
            let mut wakers = Vec::new();
            let mut seats = self.lock();
            let end = seats.seats.len();
            while index < end && wakers.len() < WAKE_BATCH {
                if let Some(waiting) = &mut seats.seats[index] {
                    wakers.extend(take(waiting));
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
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who has an IPv6 address nearly always has the 2^64 others of its network, too.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

impl Waiting {
    fn take_for_news(&mut self) -> Option<Waker> {
        match self.sleep {
            Sleep::UntilNews => self.waker.take(),
            Sleep::UntilRoom => None,
        }
    }
}

impl Seats {
    fn taken(&self) -> usize {
        self.seats.len() - self.free.len()
    }

    fn check(&self, limits: &Limits, user: &UserId, address: Option<IpAddr>) -> Result<(), Full> {
        let of_user = self.users.get(user).map_or(0, SmallVec::len);
        let of_address = address.and_then(|address| self.addresses.get(&address)).copied();
        if self.taken() >= limits.streams {
            Err(Full::Edge)
        } else if of_user >= limits.per_user {
            Err(Full::User)
        } else if of_address.unwrap_or(0) >= limits.per_address {
            Err(Full::Address)
        } else {
            Ok(())
        }
    }

    fn take_wakers_of(&mut self, user: &UserId, wakers: &mut Vec<Waker>) {
        for &index in self.users.get(user).into_iter().flatten() {
            wakers.extend(self.seats[index].as_mut().and_then(Waiting::take_for_news));
        }
    }

    /// Gives a place up; the waker is to be dropped without the lock.
    fn leave(&mut self, user: &UserId, index: usize) -> Option<Waker> {
        let left = self.seats[index].take()?;
        self.free.push(index);
        self.forget_term(index, left.term.as_ref());
        if let Some(indexes) = self.users.get_mut(user) {
            indexes.retain(|other| *other != index);
            if indexes.is_empty() {
                self.users.remove(user);
            }
        }
        if let Some(address) = left.address
            && let Some(count) = self.addresses.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                self.addresses.remove(&address);
            }
        }
        left.waker
    }
}

impl Seat {
    /// Whose stream it is.
    pub(crate) fn user(&self) -> &UserId {
        &self.user
    }

    /// Leaves the waker to be woken by, and says what there is to do. To be called before looking for news, or for room.
    pub(crate) fn wait(&self, waker: &Waker, sleep: Sleep) -> Signals {
        let mut seats = self.registry.lock();
        let phase = seats.phase;
        let mut signals = Signals {
            beat: false,
            closing: phase >= Phase::Closing,
            abandoned: phase >= Phase::Abandoned,
            expired: false,
            reauth: None,
        };
        if let Some(waiting) = &mut seats.seats[self.index] {
            match &mut waiting.waker {
                Some(old) => old.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
            waiting.sleep = sleep;
            signals.beat = std::mem::take(&mut waiting.beat);
            signals.closing |= waiting.closing;
            if let Some(term) = &waiting.term {
                signals.expired = term.is_over();
                signals.reauth = term.to_tell();
            }
        }
        signals
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let waker = self.registry.lock().leave(&self.user, self.index);
        // Dropping a waker may run the scheduler's code, too.
        drop(waker);
    }
}

#[cfg(test)]
mod tests;
