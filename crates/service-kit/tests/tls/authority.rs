//! Certificates and keys, in files.

use std::fs;
use std::path::{Path, PathBuf};

use p256::pkcs8::{EncodePrivateKey as _, LineEnding};
use rcgen::{CertificateParams, KeyPair};
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::rand_core::OsRng;
use service_kit::http::Settings;
use tempfile::TempDir;

/// Whom the certificates are for.
pub(crate) const NAME: &str = "localhost";

/// A certificate that vouches for itself.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) der: Vec<u8>,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let pem = key.serialize_pem();
        Self::of(&key, pem)
    }

    /// With an RSA key in PKCS #1.
    pub(crate) fn rsa() -> Self {
        let key = RsaPrivateKey::new(&mut OsRng, 2048).unwrap();
        let pkcs8 = KeyPair::from_pem(&key.to_pkcs8_pem(LineEnding::LF).unwrap()).unwrap();
        Self::of(&pkcs8, key.to_pkcs1_pem(LineEnding::LF).unwrap().to_string())
    }

    /// With a key of P-256 in SEC 1.
    pub(crate) fn sec1() -> Self {
        let key = p256::SecretKey::random(&mut OsRng);
        let pkcs8 = KeyPair::from_pem(&key.to_pkcs8_pem(LineEnding::LF).unwrap()).unwrap();
        Self::of(&pkcs8, key.to_sec1_pem(LineEnding::LF).unwrap().to_string())
    }

    fn of(key: &KeyPair, pem: String) -> Self {
        let certificate = CertificateParams::new([NAME.to_owned()])
            .unwrap()
            .self_signed(key)
            .unwrap();
        Self {
            certificate: certificate.pem(),
            key: pem,
            der: certificate.der().to_vec(),
        }
    }
}

/// Where a pair is.
pub(crate) struct Files {
    _folder: TempDir,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Files {
    pub(crate) fn with(pair: &Pair) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = Self {
            certificate: folder.path().join("tls.crt"),
            key: folder.path().join("tls.key"),
            _folder: folder,
        };
        write(&files.certificate, &pair.certificate);
        write(&files.key, &pair.key);
        files
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            tls_certificate_file: Some(self.certificate.clone()),
            tls_key_file: Some(self.key.clone()),
            ..Settings::default()
        }
    }
}

pub(crate) fn write(file: &Path, text: &str) {
    fs::write(file, text).unwrap();
}
