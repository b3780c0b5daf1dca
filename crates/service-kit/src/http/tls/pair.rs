//! A certificate and its key in two files of PEM.

use std::io;
use std::path::{Path, PathBuf};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

use super::TlsError;
use crate::http::settings::Settings;

/// Bytes that one file may have. A chain of ten certificates with large keys has about 30,000.
const MAX_BYTES: usize = 256 * 1024;

const CERTIFICATE_SETTING: &str = "http.tls_certificate_file";
const KEY_SETTING: &str = "http.tls_key_file";

/// Where the pair is.
pub(super) struct Files {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// What the files held. The key must not get into the log, so this cannot be printed.
#[derive(PartialEq, Eq)]
pub(super) struct Pair {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// Why two files are no pair.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// A file cannot be read.
    #[error("cannot read {}", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// A file is too large.
    #[error("{} has more than {MAX_BYTES} bytes", .0.display())]
    Large(PathBuf),
    /// What a file holds is damaged.
    #[error("{} is no PEM", .0.display())]
    Pem(PathBuf, #[source] pem::Error),
    /// There is something else in the certificate's file.
    #[error("there is no certificate in {}", .0.display())]
    NoCertificate(PathBuf),
    /// There is something else in the key's file.
    #[error("there is no key in {}; it may be PKCS #8, PKCS #1 or SEC 1, without a password", .0.display())]
    NoKey(PathBuf),
    /// They are of two pairs.
    #[error("the key in {} is not that of the certificate in {}", .key.display(), .certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// Such a certificate or key is not supported, or damaged.
    #[error("the certificate in {} or its key cannot be used", .0.display())]
    Unusable(PathBuf, #[source] Error),
}

impl Files {
    /// The files that the settings name, if any.
    pub(super) fn of(settings: &Settings) -> Result<Option<Self>, TlsError> {
        let alone = |set, missing| Err(TlsError::Alone { set, missing });
        match (&settings.tls_certificate_file, &settings.tls_key_file) {
            (Some(certificate), Some(key)) => Ok(Some(Self {
                certificate: certificate.clone(),
                key: key.clone(),
            })),
            (None, None) => Ok(None),
            (Some(_), None) => alone(CERTIFICATE_SETTING, KEY_SETTING),
            (None, Some(_)) => alone(KEY_SETTING, CERTIFICATE_SETTING),
        }
    }

    /// What they hold now.
    pub(super) async fn read(&self) -> Result<Pair, PairError> {
        Ok(Pair {
            certificate: read(&self.certificate).await?,
            key: read(&self.key).await?,
        })
    }

    /// The certificate with the others of its chain, and its key, of what the files held.
    pub(super) fn parse(&self, pair: &Pair, provider: &CryptoProvider) -> Result<CertifiedKey, PairError> {
        let chain = CertificateDer::pem_slice_iter(&pair.certificate)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| PairError::Pem(self.certificate.clone(), error))?;
        if chain.is_empty() {
            return Err(PairError::NoCertificate(self.certificate.clone()));
        }
        let key = PrivateKeyDer::from_pem_slice(&pair.key).map_err(|error| match error {
            pem::Error::NoItemsFound => PairError::NoKey(self.key.clone()),
            error => PairError::Pem(self.key.clone(), error),
        })?;
        CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => PairError::Mismatch {
                certificate: self.certificate.clone(),
                key: self.key.clone(),
            },
            error => PairError::Unusable(self.certificate.clone(), error),
        })
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, PairError> {
    let failed = |error| PairError::Read(path.to_owned(), error);
    let file = File::open(path).await.map_err(failed)?;
    let mut bytes = Vec::new();
    let mut bounded = file.take(MAX_BYTES as u64 + 1);
    bounded.read_to_end(&mut bytes).await.map_err(failed)?;
    if bytes.len() > MAX_BYTES {
        return Err(PairError::Large(path.to_owned()));
    }
    Ok(bytes)
}
