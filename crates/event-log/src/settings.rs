//! Where the log is and what is asked of it.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How to reach the log, and the stream that is created when there is none.
///
/// A stream that exists already is never changed: what differs from these settings is reported by
/// [`EventLog::differences`](crate::EventLog::differences), or refused when the log could not keep its promises on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Servers to connect to, separated by commas: `nats://host:4222` or `tls://host:4222`.
    pub url: String,
    /// A NATS `.creds` file; without one the connection carries no credentials but those in the URL.
    pub credentials_file: Option<PathBuf>,
    /// Name of the JetStream stream: no spaces, dots, `*`, `>` or slashes.
    pub stream: String,
    /// Copies of each message in the cluster: 1, or 3 or 5 for a stream that survives the loss of a server.
    pub replicas: usize,
    /// How long messages are kept. A client that was away for longer is told that it missed something.
    #[serde(with = "humantime_serde")]
    pub retention: Duration,
    /// How long the server recognises a repeated event id. A job that is run again within it emits nothing twice.
    /// Costs about 170 bytes of server memory for each event in it.
    #[serde(with = "humantime_serde")]
    pub duplicate_window: Duration,
    /// Consumers that may exist at once: one for each projector, edge and running export, with room for those that a
    /// crash left behind for 30 s. The server replaces 0 and -1 by a default of its own, so it is positive.
    pub max_consumers: i32,
    /// The largest payload in bytes.
    pub max_payload_bytes: usize,
    /// How many appended messages may wait for their ack at once, over all appends of this process.
    pub in_flight: usize,
    /// How long an ack, or any other answer of the server, is waited for before the request is repeated.
    #[serde(with = "humantime_serde")]
    pub ack_timeout: Duration,
    /// How many replays may be asked of the server at once by this process.
    pub reads_in_flight: usize,
}

/// A setting that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the log's setting `{setting}` {problem}")]
pub struct SettingsError {
    /// Its name.
    pub setting: &'static str,
    /// What is wrong with it, and what would be right.
    pub problem: &'static str,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".to_owned(),
            credentials_file: None,
            stream: "EVENTS".to_owned(),
            replicas: 1,
            retention: 30 * DAY,
            duplicate_window: 3 * DAY,
            max_consumers: 1_000,
            max_payload_bytes: 16 * 1024,
            in_flight: 4_000,
            ack_timeout: Duration::from_secs(5),
            reads_in_flight: 64,
        }
    }
}

impl Settings {
    /// Refuses what the server would refuse later with less to go by, and what would wait for ever.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let named = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        let rules = [
            (
                !self.url.trim().is_empty(),
                "url",
                "is empty; give the server's address",
            ),
            (
                !self.stream.is_empty() && self.stream.bytes().all(named),
                "stream",
                "must be a name of A-Z a-z 0-9 _ -",
            ),
            (
                (1..=5).contains(&self.replicas),
                "replicas",
                "must be from 1 to 5",
            ),
            (
                !self.retention.is_zero(),
                "retention",
                "must be longer than nothing",
            ),
            (
                !self.duplicate_window.is_zero(),
                "duplicate_window",
                "must be longer than nothing",
            ),
            (
                self.duplicate_window <= self.retention,
                "duplicate_window",
                "may not be longer than `retention`",
            ),
            (self.max_consumers > 0, "max_consumers", "must be positive"),
            (
                (1..=1024 * 1024).contains(&self.max_payload_bytes),
                "max_payload_bytes",
                "must be from 1 to 1048576, which is what nats-server takes by default",
            ),
            (
                (1..=10_000).contains(&self.in_flight),
                "in_flight",
                "must be from 1 to 10000",
            ),
            (
                !self.ack_timeout.is_zero(),
                "ack_timeout",
                "must be longer than nothing",
            ),
            // All of their answers may wait in one subscription, whose room is bounded too.
            (
                (1..=64).contains(&self.reads_in_flight),
                "reads_in_flight",
                "must be from 1 to 64",
            ),
        ];
        match rules.into_iter().find(|(holds, ..)| !holds) {
            Some((_, setting, problem)) => Err(SettingsError { setting, problem }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        Settings::default().validate().unwrap();
    }

    #[test]
    fn a_duplicate_window_beyond_the_retention_is_refused_by_name() {
        let settings = Settings {
            retention: DAY,
            ..Settings::default()
        };
        assert_eq!(settings.validate().unwrap_err().setting, "duplicate_window");
    }

    #[test]
    fn settings_are_read_with_durations_for_people_and_without_unknown_names() {
        let read: Settings = serde_json::from_str(r#"{"retention": "45d", "ack_timeout": "500ms"}"#).unwrap();
        assert_eq!(
            (read.retention, read.ack_timeout),
            (45 * DAY, Duration::from_millis(500))
        );
        let unknown = serde_json::from_str::<Settings>(r#"{"retentoin": "45d"}"#).unwrap_err();
        assert!(unknown.to_string().contains("retentoin"), "{unknown}");
    }
}
