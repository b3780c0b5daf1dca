//! The shared tail: one follower of the log for the whole node, which fills the window and wakes those it concerns.

use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::Utc;
use event_log::{FollowError, ReadError, Replaced, Stored};
use proto_schemas::{Recipient, UserId};

use crate::edge::Shared;
use crate::frame;
use crate::quiet::Quiet;
use crate::window::{Frame, Turnover, Window};

/// Messages that enter the window at once, under one lock.
const BATCH: NonZeroUsize = NonZeroUsize::new(512).expect("not zero");

const PAUSE: Duration = Duration::from_millis(500);

/// Where the tail begins, and where the log ended at that moment: from there on the node is ready.
struct Start {
    after: u64,
    ready_at: u64,
}

/// Follows the log until it is replaced.
pub(crate) async fn run(shared: &Shared) -> Result<(), Replaced> {
    let start = begin(shared).await?;
    shared.window().start(start.after);
    let mut follow = shared.log.follow(start.after);
    let mut quiet = Quiet::default();
    loop {
        if follow.position() >= start.ready_at && !shared.ready.swap(true, Ordering::AcqRel) {
            tracing::info!(position = follow.position(), "the window is filled; serving");
        }
        match follow.next_batch(BATCH).await {
            Ok(batch) => {
                shared.metrics.heard_of_log();
                quiet.follow(publish(shared, &batch), &shared.registry);
            }
            Err(FollowError::BehindCheckpoint {
                position,
                last_sequence,
            }) => {
                tracing::error!(
                    position,
                    last_sequence,
                    "the log lost its last messages; clients are told of the gap"
                );
                shared.window().rewind(last_sequence);
                shared.registry.wake_everybody();
                follow = shared.log.follow(last_sequence);
            }
            Err(FollowError::Replaced(replaced)) => return Err(replaced),
        }
    }
}

/// Waits for a log that does not answer yet.
async fn begin(shared: &Shared) -> Result<Start, Replaced> {
    loop {
        match look_back(shared).await {
            Ok(start) => return Ok(start),
            Err(ReadError::Replaced(replaced)) => return Err(replaced),
            Err(error) => {
                tracing::warn!(%error, "the log does not say yet where to begin; trying again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn look_back(shared: &Shared) -> Result<Start, ReadError> {
    let settings = &shared.settings;
    let ready_at = shared.log.bounds().await?.last_sequence;
    let by_age = shared
        .log
        .last_sequence_before(Utc::now() - settings.window_age)
        .await?;
    // No more than fits; sequences with holes only make this reach back less far than it could.
    let by_bytes = ready_at.saturating_sub(Window::most_frames(settings.window_bytes));
    Ok(Start {
        after: by_age.max(by_bytes),
        ready_at,
    })
}

/// Puts the next messages into the window, then wakes their recipients: in the other order they would look too early and
/// sleep again. Returns how far the window has moved on.
fn publish(shared: &Shared, batch: &[Stored]) -> Turnover {
    let frames: Vec<(u64, Option<Frame>)> = batch
        .iter()
        .map(|stored| (stored.sequence, encode(shared, stored)))
        .collect();
    let mut users: Vec<UserId> = Vec::new();
    let mut everybody = false;
    for (_, frame) in &frames {
        match frame.as_ref().map(|frame| &frame.recipient) {
            Some(Recipient::Everybody) => everybody = true,
            Some(Recipient::User(user)) => users.push(user.clone()),
            None => {}
        }
    }
    let mut window = shared.window();
    for (sequence, frame) in frames {
        match frame {
            Some(frame) => window.append(frame),
            None => window.pass(sequence),
        }
    }
    window.evict(Utc::now());
    let turnover = window.turnover();
    drop(window);
    if everybody {
        shared.registry.wake_everybody();
    } else {
        shared.registry.wake_users(&users);
    }
    turnover
}

/// Nothing of a message that was published by hand, on a subject or with a payload that is none of ours.
fn encode(shared: &Shared, stored: &Stored) -> Option<Frame> {
    let Stored {
        sequence,
        subject,
        stored_at,
        ..
    } = stored;
    let recipient = stored.recipient().map_err(|error| error.to_string());
    let block = frame::event(shared.log.epoch(), stored).map_err(|error| error.to_string());
    match recipient.and_then(|recipient| Ok((recipient, block?))) {
        Ok((recipient, block)) => Some(Frame {
            sequence: *sequence,
            recipient,
            stored_at: *stored_at,
            block,
        }),
        Err(reason) => {
            let skipped = shared.skipped.fetch_add(1, Ordering::Relaxed) + 1;
            tracing::warn!(sequence, %subject, reason, skipped, "a message of the log is for nobody; skipped");
            None
        }
    }
}
