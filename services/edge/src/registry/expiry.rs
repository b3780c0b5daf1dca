//! When streams end because their tokens do, and when they say so beforehand.
//!
//! All streams stand in one set, in the order of what is to be done with them next: first to tell the client, then to end.
//! One timer looks at its beginning. So a stream costs an entry and no timer of its own, and one that leaves before takes
//! its entry along.

use std::task::Waker;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Registry, Seat, Seats, WAKE_BATCH};

/// How a stream stands with its token.
pub(super) struct Term {
    expires_at: i64,
    /// Where its entry stands; at the end there is none any more.
    due: i64,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing is to be said yet.
    Running,
    /// The client is to be told.
    Telling,
    /// The client was told.
    Told,
    /// The stream is to end.
    Over,
}

/// Whether everything is done that was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Everything.
    Done,
    /// There is more: to be called again when others had their turn.
    More,
}

impl Term {
    /// The token's end, if the client is to be told of it now.
    pub(super) fn to_tell(&self) -> Option<DateTime<Utc>> {
        let end = || DateTime::from_timestamp(self.expires_at, 0);
        (self.stage == Stage::Telling).then(end).flatten()
    }

    pub(super) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }
}

impl Seat {
    /// Ends the stream at `expires_at`, and has its client told `ahead` of that; at once where that time has come already.
    pub(crate) fn end_at(&self, expires_at: DateTime<Utc>, ahead: Duration, now: DateTime<Utc>) {
        let expires_at = expires_at.timestamp();
        let ahead = i64::try_from(ahead.as_secs()).unwrap_or(i64::MAX);
        let told_at = expires_at.saturating_sub(ahead);
        let (stage, due) = if told_at <= now.timestamp() {
            (Stage::Telling, expires_at)
        } else {
            (Stage::Running, told_at)
        };
        let mut seats = self.registry.lock();
        if let Some(waiting) = &mut seats.seats[self.index] {
            waiting.term = Some(Term {
                expires_at,
                due,
                stage,
            });
            seats.due.insert((due, self.index));
        }
    }

    /// The client was told of the end.
    pub(crate) fn told_of_end(&self) {
        let mut seats = self.registry.lock();
        let waiting = seats.seats[self.index].as_mut();
        if let Some(term) = waiting.and_then(|waiting| waiting.term.as_mut())
            && term.stage == Stage::Telling
        {
            term.stage = Stage::Told;
        }
    }
}

impl Registry {
    /// Wakes the next streams whose clients are to be told, or which are to end. A bounded number, so that all others get
    /// their turn also when a thousand tokens end in the same second.
    pub(crate) fn expire(&self, now: DateTime<Utc>) -> Due {
        let now = now.timestamp();
        let mut wakers = Vec::new();
        let mut seats = self.lock();
        let mut left = WAKE_BATCH;
        while left > 0
            && let Some(&(due, index)) = seats.due.first()
            && due <= now
        {
            left -= 1;
            seats.due.pop_first();
            let Seats { seats, due, .. } = &mut *seats;
            let Some(waiting) = &mut seats[index] else {
                continue;
            };
            if let Some(term) = &mut waiting.term {
                term.advance(now);
                if !term.is_over() {
                    due.insert((term.due, index));
                }
            }
            wakers.extend(waiting.waker.take());
        }
        drop(seats);
        wakers.into_iter().for_each(Waker::wake);
        if left == 0 { Due::More } else { Due::Done }
    }
}

impl Term {
    fn advance(&mut self, now: i64) {
        if now >= self.expires_at {
            self.stage = Stage::Over;
        } else {
            self.stage = Stage::Telling;
            self.due = self.expires_at;
        }
    }
}

impl Seats {
    /// Takes the entry of a stream that leaves out of the set.
    pub(super) fn forget_term(&mut self, index: usize, term: Option<&Term>) {
        if let Some(term) = term
            && !term.is_over()
        {
            self.due.remove(&(term.due, index));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use proto_schemas::UserId;

    use super::super::tests::{Sleeper, spacious};
    use super::*;

    const AHEAD: Duration = Duration::from_secs(60);

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn expire_all(registry: &Arc<Registry>, now: i64) {
        while registry.expire(at(now)) == Due::More {}
    }

    #[test]
    fn a_client_is_told_ahead_of_the_end_until_it_was_told_and_then_the_stream_ends() {
        let registry = spacious();
        let sleeper = Sleeper::new(&registry, "ann");
        sleeper.seat.end_at(at(100), AHEAD, at(0));
        assert_eq!(sleeper.wait().reauth, None);
        expire_all(&registry, 39);
        assert_eq!(sleeper.woken(), 0);
        expire_all(&registry, 40);
        assert_eq!(sleeper.woken(), 1);
        for _ in 0..2 {
            assert_eq!(
                sleeper.wait().reauth,
                Some(at(100)),
                "as long as nobody has said it"
            );
        }
        sleeper.seat.told_of_end();
        assert_eq!(sleeper.wait().reauth, None);
        expire_all(&registry, 99);
        assert_eq!(sleeper.woken(), 1);
        assert!(!sleeper.wait().expired);
        expire_all(&registry, 100);
        assert_eq!(sleeper.woken(), 2);
        let signals = sleeper.wait();
        assert!(signals.expired && signals.reauth.is_none());
    }

    #[test]
    fn a_token_that_ends_soon_is_told_at_once_and_one_that_has_ended_not_at_all() {
        let registry = spacious();
        let soon = Sleeper::new(&registry, "ann");
        soon.seat.end_at(at(30), AHEAD, at(0));
        assert_eq!(soon.wait().reauth, Some(at(30)));
        let missed = Sleeper::new(&registry, "ann");
        missed.seat.end_at(at(100), AHEAD, at(0));
        expire_all(&registry, 200);
        assert!(missed.wait().expired && missed.wait().reauth.is_none());
        let never = Sleeper::new(&registry, "ann");
        never.seat.end_at(at(300), Duration::ZERO, at(200));
        expire_all(&registry, 299);
        assert_eq!(never.wait().reauth, None, "ahead by nothing says nothing");
    }

    #[test]
    fn streams_that_end_in_one_second_do_so_in_parts() {
        let registry = spacious();
        let count = WAKE_BATCH * 2 + 1;
        let sleepers: Vec<_> = (0..count).map(|_| Sleeper::new(&registry, "ann")).collect();
        for sleeper in &sleepers {
            sleeper.seat.end_at(at(100), AHEAD, at(50));
            sleeper.wait();
        }
        let woken = || sleepers.iter().filter(|sleeper| sleeper.woken() > 0).count();
        for (part, due) in [(1, Due::More), (2, Due::More)] {
            assert_eq!(registry.expire(at(100)), due);
            assert_eq!(woken(), WAKE_BATCH * part);
        }
        assert_eq!(registry.expire(at(100)), Due::Done);
        assert_eq!(woken(), count);
    }

    proptest! {
        /// Whoever comes and leaves, whenever: nobody ends early, nobody stays, and nothing is kept of those who left.
        #[test]
        fn each_ends_in_its_second_and_leaves_nothing(
            streams in prop::collection::vec((0..50_i64, 1..50_i64, 0..120_i64, 0..30_u64), 1..40)
        ) {
            let registry = spacious();
            let mut seats = Vec::new();
            for now in 0..120 {
                for (begins, lasts, leaves, ahead) in &streams {
                    if *begins == now {
                        let seat = registry.enter(UserId::new("ann").unwrap(), None).unwrap();
                        seat.end_at(at(begins + lasts), Duration::from_secs(*ahead), at(now));
                        seats.push((begins + lasts, *leaves, seat));
                    }
                }
                expire_all(&registry, now);
                for (ends, _, seat) in &seats {
                    let over = registry.lock().seats[seat.index].as_ref().unwrap().term.as_ref().unwrap().is_over();
                    prop_assert_eq!(over, now >= *ends);
                }
                seats.retain(|(_, leaves, _)| *leaves > now);
                let running = seats.iter().filter(|(ends, ..)| *ends > now).count();
                prop_assert_eq!(registry.lock().due.len(), running);
            }
        }
    }
}
