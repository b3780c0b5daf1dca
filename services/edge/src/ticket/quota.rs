//! How many tickets one user may make: a client that goes wrong is to fill nobody's memory.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use event_log::TICKET_LIFE;
use proto_schemas::UserId;

/// Tickets for each stream that a user may have. Streams that break come back within seconds, each with another ticket.
const EACH_STREAM: usize = 4;

/// Tickets that all users together may have made in the life of one.
const MOST: usize = 100_000;

/// Who has made how many tickets at this edge in the last [`TICKET_LIFE`].
pub(crate) struct Quota {
    per_user: usize,
    made: Mutex<Made>,
}

#[derive(Default)]
struct Made {
    /// In the order of time.
    makings: VecDeque<(Instant, UserId)>,
    counts: HashMap<UserId, usize>,
}

/// No more for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted;

impl Quota {
    /// For users with so many streams each.
    pub(crate) fn new(streams_per_user: usize) -> Self {
        Self {
            per_user: streams_per_user.saturating_mul(EACH_STREAM),
            made: Mutex::default(),
        }
    }

    /// Takes one of the user's.
    pub(crate) fn take(&self, user: &UserId, now: Instant) -> Result<(), Exhausted> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.forget_before(now);
        let of_user = made.counts.get(user).copied().unwrap_or_default();
        if of_user >= self.per_user || made.makings.len() >= MOST {
            return Err(Exhausted);
        }
        made.makings.push_back((now, user.clone()));
        made.counts.insert(user.clone(), of_user + 1);
        Ok(())
    }
}

impl Made {
    /// Those whose tickets are too old.
    fn forget_before(&mut self, now: Instant) {
        while let Some((made, _)) = self.makings.front()
            && now.saturating_duration_since(*made) >= TICKET_LIFE
            && let Some((_, user)) = self.makings.pop_front()
        {
            if let Some(count) = self.counts.get_mut(&user) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(&user);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_user_who_has_made_too_many_waits_until_the_first_of_them_is_too_old_and_nobody_else_does() {
        let quota = Quota::new(1);
        let [ann, bob] = ["ann", "bob"].map(|user| UserId::new(user).unwrap());
        let start = Instant::now();
        let after = |seconds: u64| start + Duration::from_secs(seconds);
        for second in 0..EACH_STREAM as u64 {
            quota.take(&ann, after(second)).unwrap();
        }
        assert_eq!(quota.take(&ann, after(29)), Err(Exhausted));
        quota.take(&bob, after(29)).unwrap();
        quota.take(&ann, after(30)).unwrap();
        assert_eq!(quota.take(&ann, after(30)), Err(Exhausted));
        quota.take(&bob, after(120)).unwrap();
        let made = quota.made.lock().unwrap();
        assert_eq!(
            (made.makings.len(), made.counts.len()),
            (1, 1),
            "old ones are forgotten"
        );
    }
}
