//! Keeps the streams of people for whom nothing comes inside the window.
//!
//! A stream moves on only when it is woken. If that were only for its own news and for heartbeats, the window would pass a quiet
//! one by whenever everybody together gets a window full of events between two of its heartbeats; its next event would
//! then be below the window for it, and had to be asked of the log although the window has it. So while the window moves
//! on by half of itself, each stream is woken once. It finds nothing, and stands at the window's head.

use crate::registry::Registry;
use crate::window::Turnover;

/// Streams are woken in so many groups: all at once, the news of others would wait for them.
const SLICES: usize = 1_024;

/// Who is to be woken next.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    slice: usize,
    /// Frames that the window had removed when it was last looked at.
    removed: u64,
    /// What is left of a group's turn, in frames of the window.
    left: u64,
}

impl Quiet {
    /// Wakes as many as are due by how far the window has moved on.
    pub(crate) fn follow(&mut self, window: Turnover, registry: &Registry) {
        let (slices, frames) = (SLICES as u64, window.frames.max(1));
        let turns = (window.removed - self.removed) * 2 * slices + self.left;
        self.removed = window.removed;
        self.left = turns % frames;
        for _ in 0..(turns / frames).min(slices) {
            registry.touch(self.slice, SLICES);
            self.slice = (self.slice + 1) % SLICES;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use proto_schemas::UserId;

    use super::*;
    use crate::registry::{Limits, Sleep};

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn every_stream_is_woken_while_half_of_the_window_is_replaced_and_not_all_at_once() {
        let limits = Limits {
            streams: usize::MAX,
            per_user: usize::MAX,
            per_address: usize::MAX,
        };
        let registry = Arc::new(Registry::new(limits));
        let seats: Vec<_> = (0..1_000)
            .map(|user| {
                registry
                    .enter(UserId::new(format!("u{user}")).unwrap(), None)
                    .unwrap()
            })
            .collect();
        for (frames, most) in [(10_000, 1), (100, 21)] {
            let woken = Arc::new(Count::default());
            let waker = Waker::from(Arc::clone(&woken));
            for seat in &seats {
                seat.wait(&waker, Sleep::UntilNews);
            }
            let (mut quiet, mut before) = (Quiet::default(), 0);
            for removed in 0..=frames / 2 {
                quiet.follow(Turnover { frames, removed }, &registry);
                let now = woken.0.load(Ordering::SeqCst);
                assert!(now - before <= most, "{} at once", now - before);
                before = now;
            }
            assert_eq!(before, seats.len());
        }
    }
}
