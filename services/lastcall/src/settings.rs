//! The settings of every part, as `default.toml` documents them.

use std::path::PathBuf;

use anyhow::Context as _;
use serde::Deserialize;
use service_kit::settings::Sources;

use crate::cli::Common;
use crate::endpoints::Endpoints;

const DEFAULTS: &str = include_str!("default.toml");

/// Variables with our prefix that are no settings.
const RESERVED: [&str; 3] = ["LASTCALL_CONFIG", "LASTCALL_ENDPOINTS", "LASTCALL_NATS_SERVER"];

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) nats: event_log::Settings,
    pub(crate) database: store::Settings,
    pub(crate) auth: service_kit::auth::Settings,
    pub(crate) http: service_kit::http::Settings,
    pub(crate) admin: service_kit::admin::Settings,
    pub(crate) telemetry: service_kit::telemetry::Settings,
    pub(crate) scheduler: scheduler::Settings,
    pub(crate) projector: projector::Settings,
    pub(crate) inbox: inbox::Settings,
    pub(crate) edge: edge::Settings,
}

impl Settings {
    /// Reads all layers.
    pub(crate) fn load(common: &Common) -> anyhow::Result<Self> {
        let mut flags = Vec::new();
        if let Some(path) = &common.endpoints {
            let endpoints = Endpoints::read(path)?;
            flags.push(("nats.url", endpoints.nats));
            flags.push(("database.url", endpoints.database));
            flags.push(("auth.hs256_key", endpoints.token_key.expose().to_owned()));
        }
        flags.extend(common.nats.clone().map(|url| ("nats.url", url)));
        flags.extend(common.database.clone().map(|url| ("database.url", url)));
        flags.extend(
            common
                .set
                .iter()
                .map(|(key, value)| (key.as_str(), value.clone())),
        );
        Self::from_layers(
            common.config.clone(),
            flags
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        )
    }

    fn from_layers(file: Option<PathBuf>, flags: Vec<(String, String)>) -> anyhow::Result<Self> {
        let sources = Sources {
            file,
            environment: Sources::environment_except(&RESERVED),
            flags,
        };
        sources
            .load(DEFAULTS)
            .context("see `lastcall settings` for every setting and its default")
    }

    /// What `default.toml` says.
    pub(crate) fn documented() -> &'static str {
        DEFAULTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_defaults_are_the_real_ones() {
        let settings: Settings = Sources::default().load(DEFAULTS).unwrap();
        assert_eq!(settings.nats, event_log::Settings::default());
        assert_eq!(settings.database, store::Settings::default());
        assert_eq!(settings.auth, service_kit::auth::Settings::default());
        assert_eq!(settings.http, service_kit::http::Settings::default());
        assert_eq!(settings.edge, edge::Settings::default());
        settings.nats.validate().unwrap();
        settings.edge.validate().unwrap();
    }
}
