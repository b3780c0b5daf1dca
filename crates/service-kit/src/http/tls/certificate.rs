//! The certificate that connections are encrypted with at the moment.

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::pair::{Files, Pair, PairError};
use crate::readings::Readings;
use crate::telemetry::chain;

/// The files are read this often, whatever they say of themselves: two changes within a second may leave one time and one
/// size.
const INTERVAL: Duration = Duration::from_secs(5);

/// The last good certificate with its key.
pub(super) struct Certificate {
    files: Files,
    current: RwLock<Current>,
    readings: Readings,
}

struct Current {
    pair: Pair,
    key: Arc<CertifiedKey>,
}

impl Certificate {
    /// Reads it for the first time.
    pub(super) async fn open(files: Files, readings: Readings) -> Result<Self, PairError> {
        let pair = files.read().await?;
        let key = Arc::new(files.parse(&pair, &ring::default_provider())?);
        readings.succeeded();
        tracing::info!(file = %files.certificate.display(), "connections are encrypted with this certificate");
        Ok(Self {
            files,
            current: RwLock::new(Current { pair, key }),
            readings,
        })
    }

    /// Reads it again until told to end.
    pub(super) async fn keep_current(self: Arc<Self>, shutdown: CancellationToken) -> Result<(), Infallible> {
        // What is wrong is said once, and not every few seconds.
        let mut said = String::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = sleep(INTERVAL) => {}
            }
            let problem = match self.read_again().await {
                Ok(()) => String::new(),
                Err(error) => chain(&error),
            };
            if !problem.is_empty() && problem != said {
                tracing::warn!(
                    cause = problem,
                    "the certificate cannot be read again; the last good one stays"
                );
            }
            said = problem;
        }
    }

    async fn read_again(&self) -> Result<(), PairError> {
        let read = self.files.read().await;
        let taken = read.and_then(|pair| self.take(pair));
        match taken {
            Ok(()) => self.readings.succeeded(),
            Err(_) => self.readings.failed(),
        }
        taken
    }

    /// Puts the pair in the place of the one before, if it is another and good.
    fn take(&self, pair: Pair) -> Result<(), PairError> {
        let same = self.current.read().unwrap_or_else(PoisonError::into_inner).pair == pair;
        if same {
            return Ok(());
        }
        let key = Arc::new(self.files.parse(&pair, &ring::default_provider())?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Current { pair, key };
        tracing::info!(file = %self.files.certificate.display(), "new connections are encrypted with a new certificate");
        Ok(())
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current.key))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").finish_non_exhaustive()
    }
}
