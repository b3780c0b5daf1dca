//! Frames in the order of the log, each found by its place: the number of those that were ever put before it.
//!
//! They lie in segments, so that the queue grows without moving what it has: a queue in one piece would copy megabytes
//! from time to time, and whatever comes meanwhile would wait for that.

use std::collections::VecDeque;

use super::Frame;

/// Frames of a segment. Tests are to come to the ends of some.
const SEGMENT: usize = if cfg!(test) { 4 } else { 1_024 };

/// A queue of frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The last one ends where the queue ends. Of the first one, what was removed from the front is empty.
    segments: VecDeque<Vec<Option<Frame>>>,
    /// The place of the first frame.
    first: u64,
    /// The place of the next frame.
    next: u64,
}

impl Frames {
    pub(super) fn len(&self) -> usize {
        usize::try_from(self.next - self.first).unwrap_or(usize::MAX)
    }

    /// The place of the first frame, which is also how many were ever removed from the front.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The place of the next frame.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn get(&self, place: u64) -> Option<&Frame> {
        let segment = (place / SEGMENT as u64).checked_sub(self.first / SEGMENT as u64)?;
        let segment = self.segments.get(usize::try_from(segment).ok()?)?;
        segment.get(index(place))?.as_ref()
    }

    pub(super) fn front(&self) -> Option<&Frame> {
        self.get(self.first)
    }

    pub(super) fn back(&self) -> Option<&Frame> {
        self.get(self.next.checked_sub(1)?)
    }

    pub(super) fn push_back(&mut self, frame: Frame) {
        match self.segments.back_mut() {
            Some(segment) if segment.len() < SEGMENT => segment.push(Some(frame)),
            _ => {
                let mut segment = Vec::with_capacity(SEGMENT);
                segment.push(Some(frame));
                self.segments.push_back(segment);
            }
        }
        self.next += 1;
    }

    pub(super) fn pop_front(&mut self) -> Option<Frame> {
        let frame = self.segments.front_mut()?.get_mut(index(self.first))?.take()?;
        self.first += 1;
        if index(self.first) == 0 {
            self.segments.pop_front();
        }
        Some(frame)
    }

    pub(super) fn pop_back(&mut self) -> Option<Frame> {
        let segment = self.segments.back_mut()?;
        let frame = segment.pop_if(|frame| frame.is_some())??;
        self.next -= 1;
        if segment.is_empty() {
            self.segments.pop_back();
        }
        Some(frame)
    }
}

/// Where a place is in its segment.
fn index(place: u64) -> usize {
    (place % SEGMENT as u64) as usize
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;
    use proto_schemas::Recipient;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_queue_whose_places_stay(ends in prop::collection::vec(0_u8..8, 1..200)) {
            let (mut frames, mut model, mut first) = (Frames::default(), VecDeque::new(), 0);
            for (sequence, end) in (1..).zip(ends) {
                match end {
                    0 | 1 => {
                        let removed = model.pop_front();
                        first += u64::from(removed.is_some());
                        prop_assert_eq!(frames.pop_front().map(|frame| frame.sequence), removed);
                    }
                    2 => prop_assert_eq!(frames.pop_back().map(|frame| frame.sequence), model.pop_back()),
                    _ => {
                        frames.push_back(Frame {
                            sequence,
                            recipient: Recipient::Everybody,
                            stored_at: DateTime::UNIX_EPOCH,
                            block: "".into(),
                        });
                        model.push_back(sequence);
                    }
                }
                prop_assert_eq!((frames.first(), frames.len()), (first, model.len()));
                prop_assert_eq!(frames.back().map(|frame| frame.sequence), model.back().copied());
                let at = |place| frames.get(place).map(|frame| frame.sequence);
                let all: Vec<_> = (0..=frames.next()).filter_map(at).collect();
                prop_assert_eq!(&all, &Vec::from(model.clone()));
                prop_assert_eq!(at(first), model.front().copied());
            }
            prop_assert!(frames.segments.len() <= model.len() / SEGMENT + 2);
        }
    }
}
