//! Where a running `lastcall dev` is to be found.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use service_kit::secret::Secret;

/// The file `endpoints.json` in the data folder of `lastcall dev`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Endpoints {
    /// Where the page, the inbox and the stream answer.
    pub(crate) http: String,
    /// The nats-server.
    pub(crate) nats: String,
    /// The database.
    pub(crate) database: String,
    /// The key that signs development tokens.
    pub(crate) token_key: Secret,
    /// Where operators ask: health, metrics and jobs.
    pub(crate) admin: String,
    /// The token that they send.
    pub(crate) admin_token: Secret,
}

impl Endpoints {
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                bail!(
                    "there is no {}: is `lastcall dev` running with that data folder?",
                    path.display()
                )
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        serde_json::from_str(&text).with_context(|| format!("{} is no endpoints file", path.display()))
    }

    /// Writes the file so that whoever sees it sees it whole, and only its owner can read it: it holds secrets.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let temporary = path.with_extension("json.new");
        let written = || -> std::io::Result<()> {
            let mut options = fs::OpenOptions::new();
            let mut file = options
                .create(true)
                .write(true)
                .truncate(true)
                .mode(0o600)
                .open(&temporary)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.write_all(b"\n")?;
            fs::rename(&temporary, path)
        };
        written().with_context(|| format!("cannot write {}", path.display()))
    }
}
