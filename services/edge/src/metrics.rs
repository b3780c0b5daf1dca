//! What a node counts, by the names that `register` gives.
//!
//! What is counted for each write lies in a place of its own ([`Deliveries`]) and is one relaxed addition. Everything
//! else moves when a stream opens or ends, or is looked up when somebody asks ([`Figures`](figures::Figures)). There are
//! no labels with users, addresses or cursors in them: each would be a new series.

pub(crate) mod figures;
mod labels;
mod latency;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::frame::Reason;
use latency::Latency;

pub(crate) use labels::{Account, Ended, Kind, Later, Resumed};

type Counters = Family<[(&'static str, &'static str); 1], Counter>;

/// The metrics of a node.
pub(crate) struct Metrics {
    pub(crate) deliveries: Deliveries,
    latency: Latency,
    opened: Counters,
    ended: Counters,
    polls: Counters,
    refused: Counters,
    gaps: Counters,
    tail: Tail,
}

/// What streams add to with each write: on cache lines of its own, which nothing shares that is read elsewhere.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Deliveries {
    events: AtomicU64,
    replayed_from_window: AtomicU64,
    replayed_from_log: AtomicU64,
}

/// Where the events of a write were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In the window; the first of them was appended then.
    Window {
        /// When the first of them was appended.
        appended: DateTime<Utc>,
    },
    /// In the log.
    Log,
}

/// Whether a stream had everything when it was woken, or has something to make up for: what its client missed, or was too
/// slow to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    Live,
    Behind,
}

/// What is known of how the tail gets on.
#[derive(Debug)]
struct Tail {
    /// Messages that it had yet to read when the log was last asked where it ends.
    lag: AtomicU64,
    started: Instant,
    /// When the log was last heard of, in milliseconds from the start.
    heard: AtomicU64,
}

impl Metrics {
    /// Everything at zero. Series that are there from the start are what rates and alerts can be computed from.
    pub(crate) fn new() -> Self {
        let resumed = || Resumed::ALL.into_iter().map(Resumed::as_str);
        Self {
            deliveries: Deliveries::default(),
            latency: Latency::default(),
            opened: zeros("resumed", resumed()),
            ended: zeros("reason", Ended::ALL.into_iter().map(Ended::as_str)),
            polls: zeros("resumed", resumed()),
            refused: zeros("reason", Later::ALL.into_iter().map(Later::as_str)),
            gaps: zeros("reason", Reason::ALL.into_iter().map(Reason::as_str)),
            tail: Tail {
                lag: AtomicU64::new(0),
                started: Instant::now(),
                heard: AtomicU64::new(0),
            },
        }
    }

    /// Shows in `registry` what is counted here.
    fn register(&self, registry: &mut Registry) {
        let families = [
            (
                "streams_opened",
                "Streams that were opened, by where they went on from: now (fresh), the window, the log, \
                 or after a gap and why there was one",
                &self.opened,
            ),
            ("streams_ended", "Streams that have ended, by why", &self.ended),
            (
                "polls",
                "Long polls that were taken, by where they went on from, as with streams",
                &self.polls,
            ),
            (
                "refused",
                "Streams and polls that were told to come back later, by why",
                &self.refused,
            ),
            (
                "gaps",
                "Gaps that clients were told of, at the start of a stream or later, by why",
                &self.gaps,
            ),
        ];
        for (name, help, family) in families {
            registry.register(name, help, Counters::clone(family));
        }
    }

    /// So many events were written at once.
    pub(crate) fn delivered(&self, events: usize, origin: Origin, pace: Pace) {
        let events = events as u64;
        let before = self.deliveries.events.fetch_add(events, Ordering::Relaxed);
        match (origin, pace) {
            (Origin::Window { appended }, Pace::Live) => {
                if before.next_multiple_of(latency::EVERY) < before + events {
                    self.latency.observe(appended, Utc::now());
                }
            }
            (Origin::Window { .. }, Pace::Behind) => {
                self.deliveries
                    .replayed_from_window
                    .fetch_add(events, Ordering::Relaxed);
            }
            (Origin::Log, _) => {
                self.deliveries
                    .replayed_from_log
                    .fetch_add(events, Ordering::Relaxed);
            }
        }
    }

    /// It is known where a stream or poll went on from. Only the first time counts.
    pub(crate) fn began(&self, account: &mut Account, resumed: Resumed) {
        if account.resumed.is_none() {
            account.resumed = Some(resumed);
            let counters = match account.kind {
                Kind::Stream => &self.opened,
                Kind::Poll => &self.polls,
            };
            counters.get_or_create(&[("resumed", resumed.as_str())]).inc();
        }
    }

    /// A stream or poll is over. One that ended before the log had told it where it stands was going on from there.
    pub(crate) fn ended(&self, account: &mut Account) {
        self.began(account, Resumed::Log);
        if account.kind == Kind::Stream {
            let reason = account.ended.as_str();
            self.ended.get_or_create(&[("reason", reason)]).inc();
        }
    }

    /// Somebody was told to come back later.
    pub(crate) fn refused(&self, later: Later) {
        self.refused.get_or_create(&[("reason", later.as_str())]).inc();
    }

    /// A client is told of a gap.
    pub(crate) fn gap(&self, reason: Reason) {
        self.gaps.get_or_create(&[("reason", reason.as_str())]).inc();
    }

    /// The log was heard of.
    pub(crate) fn heard_of_log(&self) {
        let millis = u64::try_from(self.tail.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.tail.heard.store(millis, Ordering::Relaxed);
    }

    /// The log has so many messages that the tail has yet to read.
    pub(crate) fn tail_lags(&self, messages: u64) {
        self.tail.lag.store(messages, Ordering::Relaxed);
    }
}

fn zeros(label: &'static str, values: impl Iterator<Item = &'static str>) -> Counters {
    let counters = Counters::default();
    for value in values {
        counters.get_or_create_owned(&[(label, value)]);
    }
    counters
}

impl Tail {
    /// For how long the log has not been heard of.
    fn silence(&self) -> Duration {
        let heard = Duration::from_millis(self.heard.load(Ordering::Relaxed));
        self.started.elapsed().saturating_sub(heard)
    }
}
