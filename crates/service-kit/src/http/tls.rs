//! Encrypted connections: TLS 1.2 and 1.3, with a certificate and its key from files.
//!
//! The files are read again and again. A new pair is used for the connections that come then; those there are keep theirs.
//! A pair that is not good, such as a certificate whose key has not been written yet, leaves the last good one in its
//! place.

mod certificate;
mod pair;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use humantime::format_duration;
use rustls::ServerConfig;
use rustls::version::{TLS12, TLS13};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::settings::Settings;
use crate::metrics::Registry;
use crate::readings::Readings;
use crate::supervisor::Supervisor;
use certificate::Certificate;
use pair::Files;

pub use pair::PairError;

const HTTP_2: &[u8] = b"h2";
const HTTP_1_1: &[u8] = b"http/1.1";

/// How long a client may take to shake hands, once it is its turn.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long it may wait for its turn: those before it may take their time, and some of those behind them.
const TURN_TIMEOUT: Duration = Duration::from_secs(20);

/// Connections that shake hands at once. Each takes some 20 KB, and of a storm of them none would be done in time.
const MAX_HANDSHAKES: usize = 1_000;

/// Bytes of an answer that wait to be encrypted or sent. By default they are 64 KB.
const BUFFER: usize = 16 * 1024;

/// What encrypts the connections of a listener.
pub struct Tls {
    acceptor: TlsAcceptor,
    handshakes: Semaphore,
}

/// Why nothing can be encrypted.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One file is named and the other is not.
    #[error("{set} is set and {missing} is not; set both of them or neither")]
    Alone {
        /// The setting that is there.
        set: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// The files do not hold a certificate and its key.
    #[error("cannot encrypt with http.tls_certificate_file and http.tls_key_file")]
    Pair(#[from] PairError),
    /// The library refuses what we ask of it.
    #[error("cannot set encryption up")]
    Setup(#[source] rustls::Error),
}

/// Why one connection is not encrypted.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error("too many others are shaking hands")]
    Crowded,
    #[error("shaking hands took longer than {}", format_duration(HANDSHAKE_TIMEOUT))]
    Slow,
    #[error("client and server do not understand each other")]
    Failed(#[source] io::Error),
}

/// What a client wants to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

impl Tls {
    /// Reads the files that the settings name, if any, and has `supervisor` keep what they hold current.
    ///
    /// # Errors
    ///
    /// When one of them is missing or they do not hold a certificate and its key.
    pub async fn start(
        settings: &Settings,
        supervisor: &mut Supervisor,
        registry: &mut Registry,
    ) -> Result<Option<Self>, TlsError> {
        let Some(files) = Files::of(settings)? else {
            return Ok(None);
        };
        let what = "the certificate that connections are encrypted with";
        let readings = Readings::registered(registry, "lastcall_tls", "certificate", what);
        let certificate = Certificate::open(files, readings).await?;
        let certificate = Arc::new(certificate);
        let kept = Arc::clone(&certificate).keep_current(supervisor.shutdown_token());
        supervisor.spawn("certificate", kept);
        Ok(Some(Self {
            acceptor: Arc::new(configuration(certificate)?).into(),
            handshakes: Semaphore::new(MAX_HANDSHAKES),
        }))
    }

    pub(super) async fn shake_hands(
        &self,
        socket: TcpStream,
    ) -> Result<(TlsStream<TcpStream>, Version), HandshakeError> {
        let turn = timeout(TURN_TIMEOUT, self.handshakes.acquire()).await;
        let _turn = turn.map_err(|_| HandshakeError::Crowded)?;
        let shaken = self
            .acceptor
            .accept_with(socket, |session| session.set_buffer_limit(Some(BUFFER)));
        let stream = timeout(HANDSHAKE_TIMEOUT, shaken)
            .await
            .map_err(|_| HandshakeError::Slow)?
            .map_err(HandshakeError::Failed)?;
        let version = match stream.get_ref().1.alpn_protocol() {
            Some(HTTP_2) => Version::Http2,
            _ => Version::Http1,
        };
        Ok((stream, version))
    }
}

/// By the library that the rest of the tree uses: with two of them in it neither would be the default.
fn configuration(certificate: Arc<Certificate>) -> Result<ServerConfig, TlsError> {
    let provider = rustls::crypto::ring::default_provider();
    let mut configuration = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(TlsError::Setup)?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    configuration.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1_1.to_vec()];
    // With a ticket clients come back for a third of the work, and nothing is kept here for them.
    configuration.ticketer = rustls::crypto::ring::Ticketer::new().map_err(TlsError::Setup)?;
    Ok(configuration)
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}
