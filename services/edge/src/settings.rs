//! What an edge node may keep and how it speaks to its clients.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::client_address::TrustedProxies;

/// Settings of the edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Memory for the recent events of everybody, in bytes. Whoever reconnects within them costs the log nothing.
    pub window_bytes: usize,
    /// How far back these events reach at most. The window is filled from that far back before the edge is ready.
    #[serde(with = "humantime_serde")]
    pub window_age: Duration,
    /// How often a quiet client hears something. Proxies and phone networks cut what is silent for 30 s and more.
    #[serde(with = "humantime_serde")]
    pub heartbeat: Duration,
    /// The least time after which a client that lost its connection comes back.
    #[serde(with = "humantime_serde")]
    pub retry_min: Duration,
    /// The most. Each connection gets a time of its own in between, so that the clients of an edge that died do not
    /// all come back at once.
    #[serde(with = "humantime_serde")]
    pub retry_max: Duration,
    /// How many events a client that fell behind the window gets from the log at a time.
    pub replay_batch: usize,
    /// After how long a client is cut off that takes nothing of what is there for it, or whose network does not answer. It
    /// is found when its next heartbeat would be due.
    #[serde(with = "humantime_serde")]
    pub stall_timeout: Duration,
    /// How long before a client's token ends it is told so, in its stream. The stream ends when the token does.
    #[serde(with = "humantime_serde")]
    pub reauth_ahead: Duration,
    /// How many streams there may be at once. Who comes then is told to come back later.
    pub max_streams: usize,
    /// How many of them one user may have.
    pub max_streams_per_user: usize,
    /// How many of them may come from one address, or from one IPv6 network of 64 bits.
    pub max_streams_per_address: usize,
    /// Whose word is taken for the address of a client, in `X-Forwarded-For`. Everybody else could write anything there.
    pub trusted_proxies: TrustedProxies,
    /// Over how long the streams of a process that is told to end are spread: their clients come back all the same, and
    /// are not to come all at once.
    #[serde(with = "humantime_serde")]
    pub drain: Duration,
}

/// A setting that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the edge's setting `{setting}` {problem}")]
pub struct SettingsError {
    /// Its name.
    pub setting: &'static str,
    /// What is wrong with it, and what would be right.
    pub problem: &'static str,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            window_bytes: 64 * 1024 * 1024,
            window_age: Duration::from_secs(10 * 60),
            heartbeat: Duration::from_secs(15),
            retry_min: Duration::from_secs(1),
            retry_max: Duration::from_secs(5),
            replay_batch: 64,
            stall_timeout: Duration::from_secs(60),
            reauth_ahead: Duration::from_secs(60),
            max_streams: 18_000,
            max_streams_per_user: 20,
            max_streams_per_address: 1_000,
            trusted_proxies: TrustedProxies::default(),
            drain: Duration::from_secs(10),
        }
    }
}

impl Settings {
    /// Refuses what cannot work.
    pub fn validate(&self) -> Result<(), SettingsError> {
        const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
        let rules = [
            (self.window_age <= LONGEST, "window_age", "may be a day at most"),
            (
                self.heartbeat >= Duration::from_millis(100),
                "heartbeat",
                "must be 100 ms at least",
            ),
            (self.heartbeat <= LONGEST, "heartbeat", "may be a day at most"),
            (
                self.retry_min <= self.retry_max,
                "retry_min",
                "may not be longer than `retry_max`",
            ),
            (self.retry_max <= LONGEST, "retry_max", "may be a day at most"),
            (
                (1..=event_log::MAX_BATCH).contains(&self.replay_batch),
                "replay_batch",
                "must be from 1 to 1000, the most that one read of the log gives",
            ),
            (
                self.stall_timeout >= Duration::from_secs(1),
                "stall_timeout",
                "must be a second at least",
            ),
            (
                self.stall_timeout <= LONGEST,
                "stall_timeout",
                "may be a day at most",
            ),
            (
                self.reauth_ahead <= LONGEST,
                "reauth_ahead",
                "may be a day at most",
            ),
            (self.max_streams > 0, "max_streams", "must be 1 at least"),
            (
                self.max_streams_per_user > 0,
                "max_streams_per_user",
                "must be 1 at least",
            ),
            (
                self.max_streams_per_address > 0,
                "max_streams_per_address",
                "must be 1 at least",
            ),
            (self.drain <= LONGEST, "drain", "may be a day at most"),
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
    fn what_cannot_work_is_refused_by_name() {
        let inverted = Settings {
            retry_min: Duration::from_secs(6),
            ..Settings::default()
        };
        assert_eq!(inverted.validate().unwrap_err().setting, "retry_min");
        let none = Settings {
            replay_batch: 0,
            ..Settings::default()
        };
        assert_eq!(none.validate().unwrap_err().setting, "replay_batch");
        assert!(serde_json::from_str::<Settings>(r#"{"heart_beat": "15s"}"#).is_err());
    }
}
