//! Where a key set is read: a file, or an address over https or http.

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::header::{ACCEPT, USER_AGENT};
use axum::http::{HeaderValue, Request, StatusCode, Uri};
use humantime::format_duration;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::client::WantsClientCert;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

use super::{KeyError, Settings};

/// How long one reading may take in all. A server that hangs must not keep the good keys of its next answer from us.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(5);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Bytes that a key set may have. A set of 64 large keys with their certificates has about 200,000.
const MAX_BYTES: usize = 256 * 1024;

/// A file is read this often whatever it says of itself: two changes within a second may leave one time and one size.
const FILE_INTERVAL: Duration = Duration::from_secs(5);

/// Readings of a file begin at least so far apart, whoever asks for them.
const FILE_PAUSE: Duration = Duration::from_secs(1);

/// Readings of an address begin at least so far apart: anybody can send tokens that name unknown keys, and must not be
/// able to make us flood the issuer.
const URL_PAUSE: Duration = Duration::from_secs(5);

type HttpClient = Client<HttpsConnector<HttpConnector>, Body>;

/// Where the keys are.
pub(super) enum KeySource {
    File(PathBuf),
    Url {
        uri: Uri,
        client: Box<HttpClient>,
        interval: Duration,
    },
}

/// Why a key set cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("the file cannot be read")]
    File(#[source] io::Error),
    /// Nobody answers, or nobody who can prove to be the one that was asked.
    #[error("the server cannot be asked")]
    Request(#[source] hyper_util::client::legacy::Error),
    /// Another answer than 200. Redirects are not followed: whoever may answer is named in the settings alone.
    #[error("the server answered {0}")]
    Status(StatusCode),
    /// The answer breaks off, or is too large.
    #[error("the answer cannot be read; at most {MAX_BYTES} bytes are")]
    Body(#[source] axum::Error),
    /// The file is too large.
    #[error("the file has more than {MAX_BYTES} bytes")]
    Large,
    /// It took too long.
    #[error("it took longer than {}", format_duration(READ_TIMEOUT))]
    Slow,
    /// What was read is no key set.
    #[error("it is no JSON Web Key Set")]
    Malformed(#[source] serde_json::Error),
    /// Nothing in it can check a token.
    #[error("none of its {count} keys can check tokens of RS256 or ES256")]
    NoKey {
        /// How many keys there are.
        count: usize,
    },
}

impl KeySource {
    /// The place that the settings name, if any.
    pub(super) fn of(settings: &Settings) -> Result<Option<Self>, KeyError> {
        match (&settings.jwks_file, &settings.jwks_url) {
            (Some(_), Some(_)) => Err(KeyError::TwoSets),
            (Some(path), None) => Ok(Some(Self::File(path.clone()))),
            (None, Some(url)) => Self::url(url, settings.jwks_refresh).map(Some),
            (None, None) => Ok(None),
        }
    }

    fn url(url: &str, interval: Duration) -> Result<Self, KeyError> {
        let wrong = || KeyError::Url { url: url.to_owned() };
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let known = matches!(uri.scheme_str(), Some("https" | "http"));
        // The address is shown in the log, where a password would stay.
        let plain = uri
            .authority()
            .is_some_and(|authority| !authority.as_str().contains('@'));
        if !known || !plain {
            return Err(wrong());
        }
        if interval < URL_PAUSE {
            return Err(KeyError::Refresh {
                set: interval,
                least: URL_PAUSE,
            });
        }
        let trusted = match uri.scheme_str() {
            Some("https") => tls()?
                .with_native_roots()
                .map_err(|source| KeyError::Tls(source.into()))?,
            // A machine without the certificates of any authority must not need them.
            _ => tls()?.with_root_certificates(RootCertStore::empty()),
        };
        Ok(Self::Url {
            uri,
            client: Box::new(client(trusted)),
            interval,
        })
    }

    /// What is there now. Takes at most [`READ_TIMEOUT`].
    pub(super) async fn read(&self) -> Result<Vec<u8>, ReadError> {
        let read = async {
            match self {
                Self::File(path) => read_file(path).await,
                Self::Url { uri, client, .. } => fetch(uri, client).await,
            }
        };
        tokio::time::timeout(READ_TIMEOUT, read)
            .await
            .unwrap_or(Err(ReadError::Slow))
    }

    /// How long keys that were read are good before they are read again.
    pub(super) fn interval(&self) -> Duration {
        match self {
            Self::File(_) => FILE_INTERVAL,
            Self::Url { interval, .. } => *interval,
        }
    }

    /// The least time from the beginning of one reading to that of the next.
    pub(super) fn pause(&self) -> Duration {
        match self {
            Self::File(_) => FILE_PAUSE,
            Self::Url { .. } => URL_PAUSE,
        }
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url { uri, .. } => uri.fmt(f),
        }
    }
}

/// TLS by the library that the rest of the tree uses: with two of them in it neither would be the default.
fn tls() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, KeyError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|source| KeyError::Tls(source.into()))
}

fn client(trusted: ConfigBuilder<ClientConfig, WantsClientCert>) -> HttpClient {
    let mut http = HttpConnector::new();
    http.set_connect_timeout(Some(CONNECT_TIMEOUT));
    http.enforce_http(false);
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(trusted.with_no_client_auth())
        .https_or_http()
        .enable_http1()
        .wrap_connector(http);
    // A connection that is kept for minutes is mostly gone when it is needed.
    Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build(https)
}

async fn read_file(path: &PathBuf) -> Result<Vec<u8>, ReadError> {
    let file = File::open(path).await.map_err(ReadError::File)?;
    let mut document = Vec::new();
    let mut bounded = file.take(MAX_BYTES as u64 + 1);
    bounded
        .read_to_end(&mut document)
        .await
        .map_err(ReadError::File)?;
    if document.len() > MAX_BYTES {
        Err(ReadError::Large)
    } else {
        Ok(document)
    }
}

async fn fetch(uri: &Uri, client: &HttpClient) -> Result<Vec<u8>, ReadError> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = uri.clone();
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static("lastcall"));
    headers.insert(
        ACCEPT,
        HeaderValue::from_static("application/jwk-set+json, application/json"),
    );
    let response = client.request(request).await.map_err(ReadError::Request)?;
    if response.status() != StatusCode::OK {
        return Err(ReadError::Status(response.status()));
    }
    let document = to_bytes(Body::new(response.into_body()), MAX_BYTES)
        .await
        .map_err(ReadError::Body)?;
    Ok(document.to_vec())
}
