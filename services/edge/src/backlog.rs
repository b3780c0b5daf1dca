//! What a stream below the window gets: read from the log, for its user and for everybody, merged by sequence.
//!
//! Each of the two reads is complete only up to its last message when there is more behind it. The merged part is
//! complete up to the smaller of these ends, and goes no further than the window's floor, from where on the window is
//! asked.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use event_log::{Batch, Bounds, ReadError, Stored};
use proto_schemas::{Recipient, UserId};
use tokio::time::Instant;

use crate::block::Block;
use crate::edge::Shared;
use crate::frame;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The next part of what a stream missed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Chapter {
    /// So much of it.
    Passage(Box<Passage>),
    /// The log deleted messages after its position; what is left begins after `resume_from`.
    Expired { resume_from: u64 },
    /// None: the log lost its last messages, and what it says is not what it had. The window says how to go on, as soon as
    /// the tail has found out.
    Shortened,
}

/// What the log has between a position and another one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Passage {
    /// With their sequences, in order.
    pub(crate) blocks: VecDeque<(u64, Block)>,
    /// Where a stream stands that has written them all.
    pub(crate) complete_to: u64,
}

/// Reads on after a position, up to the window's floor. Waits for a lost server for as long as it takes.
pub(crate) async fn read(shared: Arc<Shared>, user: UserId, after: u64, floor: u64) -> Chapter {
    let mut pause = FIRST_PAUSE;
    loop {
        match attempt(&shared, &user, after, floor).await {
            Ok(Chapter::Shortened) => {
                tokio::time::sleep(FIRST_PAUSE).await;
                return Chapter::Shortened;
            }
            Ok(chapter) => return chapter,
            Err(error) => {
                tracing::warn!(%error, "cannot read what a client missed yet; trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

async fn attempt(shared: &Shared, user: &UserId, after: u64, floor: u64) -> Result<Chapter, ReadError> {
    let limit = shared.settings.replay_batch;
    let own = Recipient::User(user.clone());
    let (own, everybody) = futures::try_join!(
        shared.log.read(&own, after, limit),
        shared.log.read(&Recipient::Everybody, after, limit)
    )?;
    // Looked at after the reads: what was deleted while they ran is missing from them without a trace.
    let bounds = shared.bounds.not_before(&shared.log, Instant::now()).await?;
    if let Some(other) = instead_of_passage(bounds, after, floor) {
        return Ok(other);
    }
    let (messages, complete_to) = merge(own, everybody, floor);
    let encode = |stored: &Stored| match frame::event(shared.log.epoch(), stored) {
        Ok(block) => Some((stored.sequence, block)),
        // Counted and reported when the tail met it.
        Err(_) => None,
    };
    Ok(Chapter::Passage(Box::new(Passage {
        blocks: messages.iter().filter_map(encode).collect(),
        complete_to,
    })))
}

/// What there is to say where a passage would not be what the log had between a position and the floor.
fn instead_of_passage(bounds: Bounds, after: u64, floor: u64) -> Option<Chapter> {
    // The tail saw the log reach to the floor.
    if bounds.last_sequence < floor {
        return Some(Chapter::Shortened);
    }
    let resume_from = bounds.first_sequence - 1;
    (after < resume_from).then_some(Chapter::Expired { resume_from })
}

/// Both in one order, as far as both are complete but not beyond `floor`, and how far that is.
fn merge(own: Batch, everybody: Batch, floor: u64) -> (Vec<Stored>, u64) {
    let end = |batch: &Batch| {
        batch
            .messages
            .last()
            .filter(|_| batch.more)
            .map_or(u64::MAX, |last| last.sequence)
    };
    let complete_to = end(&own).min(end(&everybody)).min(floor);
    let mut messages = own.messages;
    messages.extend(everybody.messages);
    messages.retain(|stored| stored.sequence <= complete_to);
    messages.sort_unstable_by_key(|stored| stored.sequence);
    (messages, complete_to)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    fn stored(sequence: u64) -> Stored {
        let stored_at = DateTime::UNIX_EPOCH;
        Stored {
            sequence,
            subject: "evt.all".into(),
            stored_at,
            payload: Bytes::new(),
        }
    }

    /// What the log answers: the first `limit` of those after the position.
    fn batch(all: &[u64], after: u64, limit: usize) -> Batch {
        let mut later = all.iter().filter(|sequence| **sequence > after);
        let messages = later
            .by_ref()
            .take(limit)
            .map(|sequence| stored(*sequence))
            .collect();
        Batch {
            messages,
            more: later.next().is_some(),
        }
    }

    #[test]
    fn a_log_that_does_not_hold_what_is_asked_for_is_not_believed_to_hold_nothing() {
        let bounds = Bounds {
            first_sequence: 5,
            last_sequence: 20,
        };
        assert_eq!(instead_of_passage(bounds, 4, 20), None);
        assert_eq!(
            instead_of_passage(bounds, 3, 20),
            Some(Chapter::Expired { resume_from: 4 })
        );
        assert_eq!(instead_of_passage(bounds, 4, 21), Some(Chapter::Shortened));
    }

    proptest! {
        /// Part after part, up to the floor: every message once, in order, whatever the limit.
        #[test]
        fn the_parts_make_up_the_whole(kinds in prop::collection::vec(0..3_u8, 0..60), limit in 1..8_usize, floor in 0..70_u64) {
            let of = |kind: u8| -> Vec<u64> {
                (1_u64..).zip(&kinds).filter(|(_, k)| **k == kind).map(|(sequence, _)| sequence).collect()
            };
            let (own, everybody) = (of(0), of(1));
            let (mut position, mut seen) = (0, Vec::new());
            while position < floor {
                let (part, complete_to) =
                    merge(batch(&own, position, limit), batch(&everybody, position, limit), floor);
                prop_assert!(complete_to > position, "each part leads on");
                seen.extend(part.iter().map(|stored| stored.sequence));
                position = complete_to;
            }
            let mut expected: Vec<u64> =
                own.into_iter().chain(everybody).filter(|sequence| *sequence <= floor).collect();
            expected.sort_unstable();
            prop_assert_eq!(seen, expected);
        }
    }
}
