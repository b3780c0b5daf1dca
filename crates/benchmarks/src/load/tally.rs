//! What all clients together have heard.

use std::time::Duration;

/// Counts over all clients. What is lost at the end of a client's events shows only by comparison with what was sent.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Events that came for the first time.
    pub delivered: u64,
    /// Events that were passed over.
    pub lost: u64,
    /// Events that had come before.
    pub duplicated: u64,
    /// Data that was for somebody else or no event.
    pub foreign: u64,
    /// Blocks that said that something is missing.
    pub gaps: u64,
    /// Answers other than 200.
    pub refused: u64,
    /// Connections that the server ended.
    pub cut: u64,
    /// From the sending of each event to its receipt, where that is wanted.
    latencies: Option<Vec<Duration>>,
}

/// How long events took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Latency {
    /// Half of them took no longer.
    pub p50: Duration,
    /// All but one in a hundred took no longer.
    pub p99: Duration,
}

impl Tally {
    pub(super) fn deliver(&mut self, latency: Duration) {
        self.delivered += 1;
        if let Some(latencies) = &mut self.latencies {
            latencies.push(latency);
        }
    }

    /// Keeps how long each event takes from now on, for about so many.
    pub fn record(&mut self, events: usize) {
        self.latencies = Some(Vec::with_capacity(events));
    }

    /// Ends that, and says how long they took.
    pub fn recorded(&mut self) -> Latency {
        Latency::of(self.latencies.take().unwrap_or_default())
    }
}

impl Latency {
    /// Of these.
    pub fn of(mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        let at = |percent: usize| {
            let index = latencies.len() * percent / 100;
            let found = latencies.get(index.min(latencies.len().saturating_sub(1)));
            found.copied().unwrap_or_default()
        };
        Self {
            p50: at(50),
            p99: at(99),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_all_events() {
        let Latency { p50, p99 } = Latency::of((0..1_000).rev().map(Duration::from_nanos).collect());
        assert_eq!((p50.as_nanos(), p99.as_nanos()), (500, 990));
        assert_eq!(Latency::of(Vec::new()).p99, Duration::ZERO);
    }
}
