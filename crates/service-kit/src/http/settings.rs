use std::path::PathBuf;

use serde::Deserialize;

use crate::cors::Origins;

/// Where people ask, and how.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The address.
    pub listen: String,
    /// Origins whose pages may ask with a person's cookie or token.
    pub cors_origins: Origins,
    /// A certificate in PEM, with the others of its chain behind it. With it and its key connections are encrypted, and no
    /// other kind is taken. Read again when it changes.
    pub tls_certificate_file: Option<PathBuf>,
    /// The certificate's key in PEM.
    pub tls_key_file: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            cors_origins: Origins::default(),
            tls_certificate_file: None,
            tls_key_file: None,
        }
    }
}
