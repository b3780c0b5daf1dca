use std::num::NonZeroUsize;

use serde::Deserialize;

/// How the table is built. The defaults with their meaning are in the binary's `default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The most messages that one transaction writes.
    pub batch_messages: NonZeroUsize,
}
