use std::time::Duration;

use serde::Deserialize;

/// How the inbox answers. The defaults with their meaning are in the binary's `default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The longest that `at_least`, or one try of a change, waits for the table.
    #[serde(with = "humantime_serde")]
    pub at_least_wait: Duration,
    /// The longest that a change takes until it is in the log, its waits for its turn and for the table included.
    #[serde(with = "humantime_serde")]
    pub write_wait: Duration,
    /// How many alerts one person may set.
    pub max_alerts: u64,
}
