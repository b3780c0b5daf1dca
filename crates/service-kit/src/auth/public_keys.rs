//! The public keys that are believed at the moment.
//!
//! One task reads them, and nobody else does: again and again, and sooner when a token names a key that is not known. Who
//! checks a token looks at the last good set, which is swapped as a whole, and asks the task only for a key that is not in
//! it. A token is refused for its key only by a set that was read after the token came; so whatever others send, somebody
//! whose issuer has just begun to use a new key is let in. While nothing can be read the last good set stays.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::KeyError;
use super::key_set::KeySet;
use super::key_source::{KeySource, ReadError};
use crate::readings::Readings;
use crate::telemetry::chain;

/// How long a check waits for a key that is not known yet: for the pause between two readings and for one reading.
const WAIT: Duration = Duration::from_secs(10);

/// Checks that may wait at once. Each holds a request open.
const MAX_WAITING: usize = 1_000;

/// After a reading that failed the next one is not put off for as long as the keys would have been good.
const RETRY: Duration = Duration::from_secs(15);

pub(super) struct PublicKeys {
    source: KeySource,
    state: watch::Sender<State>,
    wanted: Notify,
    waiting: Semaphore,
    readings: Readings,
}

struct State {
    /// The last good ones, with the text that they stood in.
    keys: Arc<KeySet>,
    document: Vec<u8>,
    /// When the last reading began, and how it ended.
    began: Instant,
    reading: Reading,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Succeeded,
    Failed,
}

/// Whether a token's key is good cannot be said now.
pub(super) struct Unknown;

impl PublicKeys {
    /// Reads the keys for the first time.
    pub(super) async fn open(source: KeySource, readings: Readings) -> Result<Self, KeyError> {
        let began = Instant::now();
        let first = source.read().await.and_then(|document| {
            let keys = Arc::new(KeySet::parse(&document)?);
            Ok((keys, document))
        });
        let (keys, document) = first.map_err(|error| KeyError::Set {
            from: source.to_string(),
            source: error,
        })?;
        readings.succeeded();
        tracing::info!(from = %source, ids = ?keys.ids(), "tokens are checked with these keys");
        let state = State {
            keys,
            document,
            began,
            reading: Reading::Succeeded,
        };
        Ok(Self {
            source,
            state: watch::Sender::new(state),
            wanted: Notify::new(),
            waiting: Semaphore::new(MAX_WAITING),
            readings,
        })
    }

    /// The last good ones.
    pub(super) fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.state.borrow().keys)
    }

    /// Keys that were read after this was called, or that have `id` already.
    pub(super) async fn newer(&self, id: Option<&str>) -> Result<Arc<KeySet>, Unknown> {
        let _place = self.waiting.try_acquire().map_err(|_| Unknown)?;
        let asked = Instant::now();
        let mut states = self.state.subscribe();
        self.wanted.notify_one();
        let enough = |state: &State| state.began > asked || state.keys.names(id);
        match timeout(WAIT, states.wait_for(enough)).await {
            Ok(Ok(state)) if state.reading == Reading::Succeeded || state.keys.names(id) => {
                Ok(Arc::clone(&state.keys))
            }
            _ => Err(Unknown),
        }
    }

    /// Reads them again until told to end.
    pub(super) async fn keep_current(self: Arc<Self>, shutdown: CancellationToken) -> Result<(), Infallible> {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = self.due() => {}
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = self.read_again() => {}
            }
        }
    }

    /// Waits until they are to be read again: when they are old, or when somebody wants that and the pause is over.
    async fn due(&self) {
        let (began, interval) = {
            let state = self.state.borrow();
            let interval = match state.reading {
                Reading::Succeeded => self.source.interval(),
                Reading::Failed => self.source.interval().min(RETRY),
            };
            (state.began, interval)
        };
        let wanted = async {
            self.wanted.notified().await;
            sleep_until(began + self.source.pause()).await;
        };
        tokio::select! {
            () = sleep_until(began + interval) => {}
            () = wanted => {}
        }
    }

    async fn read_again(&self) {
        let began = Instant::now();
        let read = self.source.read().await;
        let reading = match read.and_then(|document| self.take(document)) {
            Ok(()) => {
                self.readings.succeeded();
                Reading::Succeeded
            }
            Err(error) => {
                self.readings.failed();
                tracing::warn!(from = %self.source, cause = %chain(&error), "cannot read the keys again; the last good ones stay");
                Reading::Failed
            }
        };
        self.state.send_modify(|state| {
            state.began = began;
            state.reading = reading;
        });
    }

    /// Puts the keys of `document` in the place of those before.
    fn take(&self, document: Vec<u8>) -> Result<(), ReadError> {
        if self.state.borrow().document == document {
            return Ok(());
        }
        let keys = Arc::new(KeySet::parse(&document)?);
        tracing::info!(from = %self.source, ids = ?keys.ids(), "tokens are now checked with these keys");
        self.state.send_modify(|state| {
            state.keys = keys;
            state.document = document;
        });
        Ok(())
    }
}
