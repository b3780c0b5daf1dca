//! The certificate that connections are encrypted with at the moment.

use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::pair::{Files, Pair, PairError};
use crate::telemetry::chain;

/// The files are read this often, whatever they say of themselves: two changes within a second may leave one time and one
/// size.
const INTERVAL: Duration = Duration::from_secs(5);

/// The last good certificate with its key.
pub(super) struct Certificate {
    files: Files,
    current: RwLock<Current>,
    metrics: CertificateMetrics,
}

struct Current {
    pair: Pair,
    key: Arc<CertifiedKey>,
}

impl Certificate {
    /// Reads it for the first time.
    pub(super) async fn open(files: Files, metrics: CertificateMetrics) -> Result<Self, PairError> {
        let pair = files.read().await?;
        let key = Arc::new(files.parse(&pair, &ring::default_provider())?);
        metrics.succeeded();
        tracing::info!(file = %files.certificate.display(), "connections are encrypted with this certificate");
        Ok(Self {
            files,
            current: RwLock::new(Current { pair, key }),
            metrics,
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
            Ok(()) => self.metrics.succeeded(),
            Err(_) => self.metrics.failed(),
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

/// What is counted of the certificate: with the time of the last good reading an operator sees that a new one is not
/// taken before the old one expires.
#[derive(Debug, Clone)]
pub(super) struct CertificateMetrics {
    readings: Family<[(&'static str, &'static str); 1], Counter>,
    last_good: Gauge<f64, AtomicU64>,
}

impl CertificateMetrics {
    /// Shows them in `registry`, as `lastcall_tls_…`.
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let metrics = Self {
            readings: Family::default(),
            last_good: Gauge::default(),
        };
        for result in ["succeeded", "failed"] {
            metrics.readings.get_or_create_owned(&[("result", result)]);
        }
        let registry = registry.sub_registry_with_prefix("lastcall_tls");
        registry.register(
            "certificate_readings",
            "Readings of the certificate that connections are encrypted with, by their result",
            metrics.readings.clone(),
        );
        registry.register_with_unit(
            "certificate_last_reading_timestamp",
            "When the certificate and its key were last read well, since 1970",
            Unit::Seconds,
            metrics.last_good.clone(),
        );
        metrics
    }

    fn succeeded(&self) {
        self.readings.get_or_create(&[("result", "succeeded")]).inc();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last_good.set(now.as_secs_f64());
    }

    fn failed(&self) {
        self.readings.get_or_create(&[("result", "failed")]).inc();
    }
}
