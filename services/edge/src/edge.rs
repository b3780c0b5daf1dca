//! An edge node: the window and those who read it, and what keeps both going.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::Utc;
use event_log::{EventLog, Replaced};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::bounds::SharedBounds;
use crate::registry::{Limits, Registry};
use crate::settings::{Settings, SettingsError};
use crate::window::{self, Window};
use crate::{retry, tail};

/// Heartbeats go out in so many groups, evenly spread: all at once they would be a broadcast every 15 s. When the node
/// ends, streams end in these groups, too.
const SLICES: usize = 64;

/// Those who are told to come back later do so after a time between so many and twice as many times the longest of the
/// others.
const LATER: u32 = 3;

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
            settings,
            registry: Arc::new(Registry::new(limits)),
            bounds: SharedBounds::default(),
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
        self.shared.ready.load(Ordering::Acquire) && !self.shared.draining.load(Ordering::Acquire)
    }

    /// How many streams are open.
    pub fn streams(&self) -> usize {
        self.shared.registry.len()
    }

    /// How many messages of the log were on no subject of ours or could not be carried by an event stream.
    pub fn skipped(&self) -> u64 {
        self.shared.skipped.load(Ordering::Relaxed)
    }

    async fn drain_when(&self, cancel: &CancellationToken) {
        cancel.cancelled().await;
        self.shared.draining.store(true, Ordering::Release);
        let pause = self.shared.settings.drain / SLICES as u32;
        for slice in 0..SLICES {
            self.shared.registry.close_slice(slice, SLICES);
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

    async fn beat(&self) {
        let mut ticks = tokio::time::interval(self.shared.settings.heartbeat / SLICES as u32);
        // After a pause, beats that were missed must not come all at once.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for slice in (0..SLICES).cycle() {
            ticks.tick().await;
            self.shared.registry.beat(slice, SLICES);
            if slice == 0 {
                // Without news nobody else would notice that frames grow too old.
                self.shared.window().evict(Utc::now());
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

    /// When a client is to come back that finds no room.
    pub(crate) fn retry_later(&self) -> Duration {
        let least = self.settings.retry_max * LATER;
        retry::between(least, least * 2)
    }
}
