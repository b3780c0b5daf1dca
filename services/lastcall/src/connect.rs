//! Reaching the log and the tables, with patience: services and servers are often started together.

use std::time::Duration;

use anyhow::bail;
use event_log::{EventLog, OpenError};
use store::Store;
use tokio::time::Instant;

use crate::settings::Settings;

const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(250);

/// Opens the log. A server that is not there yet is waited for; what waiting cannot help is an error at once.
pub(crate) async fn log(settings: &Settings) -> anyhow::Result<EventLog> {
    let deadline = Instant::now() + PATIENCE;
    let mut told = false;
    let log = loop {
        match EventLog::open(&settings.nats).await {
            Ok(log) => break log,
            Err(error @ OpenError::Unreachable { .. }) if Instant::now() < deadline => {
                if !told {
                    tracing::warn!(cause = %service_kit::telemetry::chain(&error), "waiting for nats-server");
                    told = true;
                }
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    };
    for difference in log.differences() {
        tracing::warn!(%difference, "the stream is not what the settings ask for");
    }
    Ok(log)
}

/// Opens tables that are up to date.
pub(crate) async fn store(settings: &Settings) -> anyhow::Result<Store> {
    let store = Store::connect(&settings.database).await?;
    let pending = store.pending_migrations().await?;
    if !pending.is_empty() {
        bail!(
            "the tables lack {} migrations; run `lastcall migrate` first",
            pending.len()
        );
    }
    Ok(store)
}
