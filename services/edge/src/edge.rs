//! An edge node: the window and those who read it, and what keeps both going.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::Utc;
use event_log::{EventLog, Replaced};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::bounds::SharedBounds;
use crate::registry::Registry;
use crate::settings::{Settings, SettingsError};
use crate::window::{self, Window};
use crate::{retry, tail};

/// Heartbeats go out in so many groups, evenly spread: all at once they would be a broadcast every 15 s.
const SLICES: usize = 64;

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
    pub(crate) ready: AtomicBool,
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
        let shared = Shared {
            log,
            settings,
            registry: Arc::default(),
            bounds: SharedBounds::default(),
            ready: AtomicBool::new(false),
            skipped: AtomicU64::new(0),
            window: Mutex::new(Window::new(bounds)),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Follows the log and keeps the streams alive, until told to end; then ends all streams.
    ///
    /// A lost connection to the log is waited out, and clients stay connected.
    ///
    /// # Errors
    ///
    /// When the log was replaced: the positions of all clients mean nothing in the new one. A node that starts anew
    /// tells them so.
    pub async fn run(&self, cancel: CancellationToken) -> Result<(), TailError> {
        let ended = tokio::select! {
            () = cancel.cancelled() => Ok(()),
            ended = tail::run(&self.shared) => ended.map_err(TailError),
            () = self.beat() => Ok(()),
        };
        self.shared.ready.store(false, Ordering::Release);
        self.shared.registry.close();
        ended
    }

    /// Whether the window is filled and clients are served.
    pub fn ready(&self) -> bool {
        self.shared.ready.load(Ordering::Acquire)
    }

    /// How many messages of the log were on no subject of ours or could not be carried by an event stream.
    pub fn skipped(&self) -> u64 {
        self.shared.skipped.load(Ordering::Relaxed)
    }

    async fn beat(&self) {
        let mut ticks =
            tokio::time::interval(self.shared.settings.heartbeat / u32::try_from(SLICES).unwrap_or(1));
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
}
