//! An edge node: the window and those who read it, and what keeps both going.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::Utc;
use event_log::{EventLog, Replaced};
use proto_schemas::UserId;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::bounds::SharedBounds;
use crate::metrics::{Later, Metrics, figures};
use crate::registry::{Due, Limits, Registry, Seat};
use crate::settings::{Settings, SettingsError};
use crate::ticket::Quota;
use crate::window::{self, Window};
use crate::{retry, tail};

/// How often some of the heartbeats go out. All at once they would be a broadcast every 15 s; the few that are due by now
/// make nobody's event wait for longer than they take to write.
const BEAT: Duration = Duration::from_millis(10);

/// After a pause, no more of the heartbeats that were missed than one of so many parts go out at once.
const AFTER_A_PAUSE: usize = 64;

/// When the node ends, streams end in so many groups.
const DRAIN_SLICES: usize = 64;

/// Those who are told to come back later do so after a time between so many and twice as many times the longest of the
/// others.
const LATER: u32 = 3;

/// How often it is looked whose token has ended. Tokens end in whole seconds.
const EXPIRY_POLL: Duration = Duration::from_millis(250);

/// How often the log is asked where it ends, to know how far behind the tail is.
const TAIL_CHECK: Duration = Duration::from_secs(10);

/// How long the last words of a stream may take when the process ends.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Between two looks whether all streams have ended.
const LAST_WORDS_POLL: Duration = Duration::from_millis(10);

/// An edge node. Clones are cheap and the same node.
#[derive(Clone)]
pub struct Edge {
    pub(crate) shared: Arc<Shared>,
}

/// What all streams of the node have in common.
pub(crate) struct Shared {
    pub(crate) log: EventLog,
    pub(crate) settings: Settings,
    pub(crate) registry: Arc<Registry>,
    pub(crate) bounds: SharedBounds,
    pub(crate) metrics: Metrics,
    pub(crate) tickets: Quota,
    /// The window is filled.
    pub(crate) ready: AtomicBool,
    draining: AtomicBool,
    /// Messages of the log that no client can get.
    pub(crate) skipped: AtomicU64,
    window: Mutex<Window>,
}

/// The tail has ended, and with it the node.
#[derive(Debug, thiserror::Error)]
#[error("the log that this edge serves is no longer there; it has to start anew on the one that is")]
pub struct TailError(#[from] Replaced);

impl Edge {
    /// A node that serves nobody yet: [`Edge::run`] fills its window.
    ///
    /// # Errors
    ///
    /// When a setting cannot work.
    pub fn new(log: EventLog, settings: Settings) -> Result<Self, SettingsError> {
        settings.validate()?;
        let bounds = window::Bounds {
            bytes: settings.window_bytes,
            age: settings.window_age,
        };
        let limits = Limits {
            streams: settings.max_streams,
            per_user: settings.max_streams_per_user,
            per_address: settings.max_streams_per_address,
        };
        let shared = Shared {
            log,
            tickets: Quota::new(settings.max_streams_per_user),
            settings,
            registry: Arc::new(Registry::new(limits)),
            bounds: SharedBounds::default(),
            metrics: Metrics::new(),
            ready: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            skipped: AtomicU64::new(0),
            window: Mutex::new(Window::new(bounds)),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Follows the log and keeps the streams alive, until told to end. Then it takes no new ones, ends those there are one
    /// after the other while the others go on, and returns when none is left.
    ///
    /// A lost connection to the log is waited out, and clients stay connected.
    ///
    /// # Errors
    ///
    /// When the log was replaced: the positions of all clients mean nothing in the new one. A node that starts anew
    /// tells them so.
    pub async fn run(&self, cancel: CancellationToken) -> Result<(), TailError> {
        let ended = tokio::select! {
            () = self.drain_when(&cancel) => Ok(()),
            ended = tail::run(&self.shared) => ended.map_err(TailError),
            () = self.beat() => Ok(()),
            () = self.check_tail() => Ok(()),
            () = self.expire() => Ok(()),
        };
        self.shared.draining.store(true, Ordering::Release);
        self.shared.registry.close();
        if tokio::time::timeout(LAST_WORDS, self.until_empty())
            .await
            .is_err()
        {
            self.shared.registry.abandon();
        }
        ended
    }

    /// Whether clients are served: the window is filled, and the node is not about to end.
    pub fn ready(&self) -> bool {
        self.check_ready().is_ok()
    }

    /// How many streams are open.
    pub fn streams(&self) -> usize {
        self.shared.registry.len()
    }

    /// How many messages of the log were on no subject of ours or could not be carried by an event stream.
    pub fn skipped(&self) -> u64 {
        self.shared.skipped.load(Ordering::Relaxed)
    }

    /// Shows in `registry` what this node counts and measures, as `lastcall_edge_…`.
    pub fn register(&self, registry: &mut service_kit::metrics::Registry) {
        figures::register(&self.shared, registry);
    }

    /// A place for somebody who asks now, or why there is none.
    pub(crate) fn enter(&self, user: UserId, address: Option<IpAddr>) -> Result<Seat, Later> {
        self.check_ready()?;
        self.shared.registry.enter(user, address).map_err(Later::Full)
    }

    /// Whether clients are served, or why not.
    pub(crate) fn check_ready(&self) -> Result<(), Later> {
        if self.shared.draining.load(Ordering::Acquire) {
            Err(Later::Draining)
        } else if !self.shared.ready.load(Ordering::Acquire) {
            Err(Later::Starting)
        } else {
            Ok(())
        }
    }

    async fn drain_when(&self, cancel: &CancellationToken) {
        cancel.cancelled().await;
        self.shared.draining.store(true, Ordering::Release);
        let pause = self.shared.settings.drain / DRAIN_SLICES as u32;
        for slice in 0..DRAIN_SLICES {
            self.shared.registry.close_slice(slice, DRAIN_SLICES);
            if tokio::time::timeout(pause, self.until_empty()).await.is_ok() {
                return;
            }
        }
    }

    async fn until_empty(&self) {
        while self.shared.registry.len() > 0 {
            tokio::time::sleep(LAST_WORDS_POLL).await;
        }
    }

    /// Ends the streams whose tokens end.
    async fn expire(&self) {
        let mut ticks = tokio::time::interval(EXPIRY_POLL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            while self.shared.registry.expire(Utc::now()) == Due::More {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Looks how far behind the log the window is. A log that does not answer is heard of less and less recently.
    async fn check_tail(&self) {
        let shared = &self.shared;
        let mut ticks = tokio::time::interval(TAIL_CHECK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Ok(bounds) = shared.log.bounds().await {
                let reached = shared.window().head().sequence;
                shared.metrics.heard_of_log();
                shared
                    .metrics
                    .tail_lags(bounds.last_sequence.saturating_sub(reached));
            }
        }
    }

    async fn beat(&self) {
        let slices = self.shared.settings.heartbeat.as_millis() / BEAT.as_millis();
        let slices = usize::try_from(slices).unwrap_or(usize::MAX);
        let most = (slices / AFTER_A_PAUSE).max(1);
        let mut ticks = tokio::time::interval(BEAT);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut before = ticks.tick().await;
        let mut slice = 0;
        loop {
            let tick = ticks.tick().await;
            // A busy node is late, and its heartbeats are not to become rarer by that.
            let due = (tick - before).as_millis() / BEAT.as_millis();
            before = tick;
            for _ in 0..usize::try_from(due).unwrap_or(most).min(most) {
                self.shared.registry.beat(slice, slices);
                slice = (slice + 1) % slices;
                if slice == 0 {
                    // Without news nobody else would notice that frames grow too old.
                    self.shared.window().evict(Utc::now());
                }
            }
        }
    }
}

impl Shared {
    /// The window, for a moment: never to be held over anything that waits.
    pub(crate) fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the next client is to come back.
    pub(crate) fn retry(&self) -> Duration {
        retry::between(self.settings.retry_min, self.settings.retry_max)
    }

    /// When a client is to come back that was refused.
    pub(crate) fn retry_after(&self, later: Later) -> Duration {
        match later {
            // Elsewhere, or here in a moment.
            Later::Starting | Later::Draining | Later::Nats => self.retry(),
            // There will not be room or a key at once, and the others are not to suffer meanwhile.
            Later::Full(_) | Later::Keys => {
                let least = self.settings.retry_max * LATER;
                retry::between(least, least * 2)
            }
        }
    }
}
