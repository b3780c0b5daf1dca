//! One connection to the server: made once, kept alive by the client library, watched for reconnects.

use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::error::{Cause, OpenError};
use crate::settings::Settings;

/// The oldest server that has what is used here (direct get in batches, consumer limits as they are now).
pub(crate) const REQUIRED_VERSION: (u64, u64) = (2, 14);

/// Room for what the replays in flight may be sent at once; a subscription that overflows loses messages.
const SUBSCRIPTION_CAPACITY: usize = 128 * 1024;

/// A client, and how often it has connected so far: whoever depends on something that lives in the server's memory
/// waits for the next change.
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) connects: watch::Receiver<u64>,
}

/// What a connection is for. Replays have one of their own, because the server answers them inline: they would delay
/// everything else that goes over the same connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Log,
    Replay,
}

impl Connection {
    pub(crate) async fn open(settings: &Settings, purpose: Purpose) -> Result<Self, OpenError> {
        let (counter, connects) = watch::channel(0);
        let mut options = ConnectOptions::new()
            .name(purpose.name())
            .subscription_capacity(SUBSCRIPTION_CAPACITY)
            .request_timeout(Some(settings.ack_timeout))
            .event_callback(move |event| {
                report(&event, purpose);
                if event == Event::Connected {
                    counter.send_modify(|connects| *connects += 1);
                }
                async {}
            });
        if let Some(path) = &settings.credentials_file {
            let read = options.credentials_file(path).await;
            options = read.map_err(|source| OpenError::Credentials {
                path: path.clone(),
                source,
            })?;
        }
        let servers = servers(&settings.url)?;
        let connected = options.connect(servers).await;
        let client = connected.map_err(|error| OpenError::Unreachable {
            url: redacted(&settings.url),
            cause: Cause::of(&error),
        })?;
        Ok(Self { client, connects })
    }

    /// Refuses servers older than [`REQUIRED_VERSION`] and those without JetStream.
    pub(crate) fn check_server(&self, settings: &Settings) -> Result<(), OpenError> {
        let server = self.client.server_info();
        let url = || redacted(&settings.url);
        if !is_supported(&server.version) {
            return Err(OpenError::TooOld {
                url: url(),
                found: server.version,
            });
        }
        if server.jetstream {
            Ok(())
        } else {
            Err(OpenError::NoJetStream { url: url() })
        }
    }
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Log => "lastcall",
            Self::Replay => "lastcall-replay",
        }
    }
}

fn report(event: &Event, purpose: Purpose) {
    let connection = purpose.name();
    match event {
        Event::Connected => info!(connection, "connected to nats-server"),
        Event::Disconnected => warn!(connection, "lost nats-server; trying to reconnect"),
        Event::LameDuckMode | Event::Draining | Event::Closed => info!(connection, %event, "nats-server"),
        Event::SlowConsumer(_) | Event::ServerError(_) | Event::ClientError(_) => {
            warn!(connection, %event, "nats-server");
        }
    }
}

fn servers(url: &str) -> Result<Vec<ServerAddr>, OpenError> {
    url.split(',')
        .map(|one| one.trim().parse())
        .collect::<Result<_, _>>()
        .map_err(|source| OpenError::Address {
            url: redacted(url),
            source,
        })
}

/// The URL without what stands before an `@`, which may be a password.
fn redacted(url: &str) -> String {
    let one = |url: &str| match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        (_, None) => url.to_owned(),
    };
    url.split(',')
        .map(|url| one(url.trim()))
        .collect::<Vec<_>>()
        .join(",")
}

fn is_supported(version: &str) -> bool {
    let mut parts = version
        .trim_start_matches('v')
        .split('.')
        .map(|part| part.parse::<u64>().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) >= REQUIRED_VERSION,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_before_2_14_are_refused() {
        for refused in ["2.13.9", "2.9.25", "1.99.0", "0.0.0", "", "dev"] {
            assert!(!is_supported(refused), "{refused:?}");
        }
        for accepted in ["2.14.0", "2.14.0-RC.1", "2.15.1", "3.0.0", "v2.14.2"] {
            assert!(is_supported(accepted), "{accepted:?}");
        }
    }

    #[test]
    fn a_password_in_the_url_is_not_shown() {
        assert_eq!(
            redacted("nats://ann:s3cret@a:4222, b:4222"),
            "nats://a:4222,b:4222"
        );
        assert_eq!(redacted("ann:s3cret@a"), "a");
        assert_eq!(redacted("tls://a:4222"), "tls://a:4222");
    }
}
