//! Whose turn it is to change something of a person's.
//!
//! Several changes at once would race for the same place in the log, and each loser would have to wait for the table
//! again: all but one of a person's tabs, over and over. So within one process they come one after the other, in the order
//! in which they came in. Between processes the log decides, and no promise depends on turns.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use proto_schemas::UserId;
use tokio::sync::{Mutex as Queue, OwnedMutexGuard};

type Queues = HashMap<UserId, Arc<Queue<()>>>;

/// Who waits for whom. Holds nobody for whom nobody waits.
#[derive(Default)]
pub(crate) struct Turns(Mutex<Queues>);

/// A person's turn, or the wait for it; it ends when it is dropped.
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    user: &'a UserId,
    queue: Option<Arc<Queue<()>>>,
    held: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits until everybody who came before, for this person, is done.
    pub(crate) async fn take<'a>(&'a self, user: &'a UserId) -> Turn<'a> {
        let queue = Arc::clone(self.lock().entry(user.clone()).or_default());
        // Made before the wait, so that whoever gives up leaves nothing behind.
        let mut turn = Turn {
            turns: self,
            user,
            queue: Some(Arc::clone(&queue)),
            held: None,
        };
        turn.held = Some(queue.lock_owned().await);
        turn
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut queues = self.turns.lock();
        self.held = None;
        self.queue = None;
        // The map has the last one. Others are made under the lock only.
        if queues
            .get(self.user)
            .is_some_and(|queue| Arc::strong_count(queue) == 1)
        {
            queues.remove(self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(20);

    fn user(id: &str) -> UserId {
        UserId::new(id).unwrap()
    }

    #[tokio::test]
    async fn a_person_has_one_turn_at_a_time_and_nobody_waits_for_others() {
        let (turns, ann, bob) = (Turns::default(), user("ann"), user("bob"));
        let first = turns.take(&ann).await;
        let _other = turns.take(&bob).await;
        assert!(timeout(MOMENT, turns.take(&ann)).await.is_err());
        drop(first);
        timeout(MOMENT, turns.take(&ann)).await.unwrap();
    }

    #[tokio::test]
    async fn nothing_is_left_of_turns_that_are_over_or_were_given_up() {
        let (turns, ann) = (Turns::default(), user("ann"));
        let first = turns.take(&ann).await;
        assert!(timeout(MOMENT, turns.take(&ann)).await.is_err());
        assert_eq!(turns.lock().len(), 1);
        drop(first);
        assert!(turns.lock().is_empty());

        let first = turns.take(&ann).await;
        let mut waiting = Box::pin(turns.take(&ann));
        assert!(timeout(MOMENT, &mut waiting).await.is_err());
        drop(first);
        drop(waiting);
        assert!(turns.lock().is_empty());
    }
}
