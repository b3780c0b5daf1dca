use std::time::Duration;

use serde::Deserialize;

/// How the inbox answers. The defaults with their meaning are in the binary's `default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The longest that `at_least` waits for the table.
    #[serde(with = "humantime_serde")]
    pub at_least_wait: Duration,
    /// How many alerts one person may set.
    pub max_alerts: u64,
}
