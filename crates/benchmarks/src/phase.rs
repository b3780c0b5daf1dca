//! What is measured, one thing after the other.

pub mod fan_out;
pub mod round;
pub mod stalled;
pub mod storm;
pub mod unicast;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::ensure;

use crate::load::Load;
use crate::server::cores::Places;

/// How large an event is.
pub const EVENT_BYTES: usize = 300;

/// What all phases are measured with.
#[derive(Debug)]
pub struct Setup {
    /// Who works where.
    pub places: Places,
    /// The binary that is measured.
    pub lastcall: PathBuf,
    /// How many streams there are.
    pub streams: usize,
    /// The tokens of the clients, one for each stream and one more.
    pub tokens: Vec<String>,
}

/// What must not happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// Events that did not come.
    pub lost: u64,
    /// Events that came again.
    pub duplicated: u64,
}

impl Faults {
    /// What went wrong so far, if so many events are missing at the end of what each client has heard.
    ///
    /// # Errors
    ///
    /// When something happened that makes figures worthless: somebody got what is not theirs, was refused, was cut off or
    /// was told of a gap.
    pub fn of(load: &Load, missing: u64) -> anyhow::Result<Self> {
        let tally = &load.tally;
        let odd = tally.foreign + tally.refused + tally.cut + tally.gaps;
        ensure!(odd == 0, "this should not happen: {tally:?}");
        Ok(Self {
            lost: tally.lost + missing,
            duplicated: tally.duplicated,
        })
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            lost: self.lost + other.lost,
            duplicated: self.duplicated + other.duplicated,
        }
    }

    /// A peer that loses events does less work, and nothing can be compared with it.
    pub fn none(self, whose: &str) -> anyhow::Result<()> {
        ensure!(
            self == Self::default(),
            "{whose} had faults, so there is nothing to compare with: {self:?}"
        );
        Ok(())
    }
}

/// Microseconds that one of `count` takes of a time.
#[allow(clippy::cast_precision_loss)] // They are few.
pub fn micros_each(time: Duration, count: u64) -> f64 {
    time.as_secs_f64() * 1e6 / count as f64
}
