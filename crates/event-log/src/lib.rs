//! The log: an append-only, durable, totally ordered record of everything that anybody is told.
//!
//! It is one NATS JetStream stream, and this is the only crate that knows. What it offers:
//!
//! - [`EventLog::open`] creates the stream or verifies it, and learns its epoch;
//! - [`EventLog::append`] stores a chunk of records, each of them once however often it is appended;
//! - [`EventLog::append_if_last`] stores one record, unless something else came since;
//! - [`EventLog::follow`] reads everything from a position on, for ever;
//! - [`EventLog::read`] answers what one recipient missed;
//! - [`EventLog::make_ticket`], beside the log: what lets somebody in once, wherever it is shown.
//!
//! A position is the sequence of the last message that was seen; 0 is before the first. Sequences increase and may have
//! holes.

mod append;
mod connection;
mod continuity;
mod direct_get;
mod error;
mod follow;
mod lookup;
mod place;
mod replay;
mod settings;
mod stored;
mod tickets;
mod topology;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::ContextBuilder;
use proto_schemas::Epoch;
use tokio::sync::watch;

use crate::append::acks::Acks;
use crate::connection::{Connection, Purpose};
use crate::direct_get::DirectGet;
use crate::tickets::Tickets;
use crate::topology::{Topology, epoch_of};

pub use crate::append::{Appended, Record};
pub use crate::error::{
    AppendError, Cause, FollowError, OpenError, PlaceError, ReadError, Replaced, TicketError,
};
pub use crate::follow::Follow;
pub use crate::place::{Novelty, Placed};
pub use crate::replay::{Batch, MAX_BATCH};
pub use crate::settings::{Settings, SettingsError};
pub use crate::stored::Stored;
pub use crate::tickets::{Admission, GoodTicket, TICKET_LIFE, Ticket, Use};
pub use crate::topology::Difference;

/// The log. Clones are cheap and share its two connections, which close with the last of them.
#[derive(Clone)]
pub struct EventLog {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    client: Client,
    context: Context,
    connects: watch::Receiver<u64>,
    acks: Acks,
    direct_get: DirectGet,
    topology: Topology,
    /// Whether some server may answer that is behind the leader, as far as is known: replicas can be added.
    replicated: AtomicBool,
    tickets: Tickets,
}

/// Which messages the log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The oldest message that is still there. One more than the last when there is none.
    pub first_sequence: u64,
    /// The newest message that there ever was; 0 before the first.
    pub last_sequence: u64,
}

/// The stream as it is now.
struct State {
    epoch: Option<Epoch>,
    first_sequence: u64,
    last_sequence: u64,
}

impl EventLog {
    /// Connects, checks the server, and creates the stream or verifies the one that is there.
    ///
    /// Tries once: whether to wait for a server that is still starting is the caller's decision. A connection that is
    /// lost later comes back by itself.
    ///
    /// # Errors
    ///
    /// When there is no log to work with; [`OpenError`] says what to do.
    pub async fn open(settings: &Settings) -> Result<Self, OpenError> {
        settings.validate()?;
        let connection = Connection::open(settings, Purpose::Log).await?;
        connection.check_server(settings)?;
        let context = ContextBuilder::new()
            .timeout(settings.ack_timeout)
            .build(connection.client.clone());
        let topology = Topology::establish(&context, settings).await?;
        let direct_get = DirectGet::open(settings).await?;
        let acks = Acks::open(&connection.client, settings).await?;
        let settings = settings.clone();
        let Connection { client, connects } = connection;
        Ok(Self {
            inner: Arc::new(Inner {
                settings,
                client,
                context,
                connects,
                acks,
                direct_get,
                replicated: AtomicBool::new(topology.replicas > 1),
                topology,
                tickets: Tickets::default(),
            }),
        })
    }

    /// The identity of this log, as cursors carry it.
    pub fn epoch(&self) -> &Epoch {
        &self.inner.topology.epoch
    }

    /// Where the stream that was found is other than the settings ask for.
    pub fn differences(&self) -> &[Difference] {
        &self.inner.topology.differences
    }

    /// How long the stream keeps a message; nothing when it keeps them for ever.
    pub fn retention(&self) -> Option<Duration> {
        self.inner.topology.retention
    }

    /// How long the log recognises a repeated event id.
    pub fn duplicate_window(&self) -> Duration {
        self.inner.settings.duplicate_window
    }

    /// The largest payload that can be appended, in bytes.
    pub fn max_payload_bytes(&self) -> usize {
        self.inner.settings.max_payload_bytes
    }

    /// Which messages the log holds now.
    ///
    /// # Errors
    ///
    /// When the server does not answer, or the log was replaced.
    pub async fn bounds(&self) -> Result<Bounds, ReadError> {
        let State {
            epoch,
            first_sequence,
            last_sequence,
        } = self.state().await?;
        self.check_epoch(epoch)?;
        Ok(Bounds {
            first_sequence,
            last_sequence,
        })
    }

    async fn state(&self) -> Result<State, ReadError> {
        let stream = self.inner.context.get_stream(&self.inner.settings.stream).await;
        let stream = stream.map_err(|error| ReadError::Refused(Cause::of(&error)))?;
        let info = stream.cached_info();
        self.inner
            .replicated
            .store(info.config.num_replicas > 1, Ordering::Relaxed);
        let last_sequence = info.state.last_sequence;
        // A stream without messages may say 0 for its first.
        let first_sequence = if info.state.messages == 0 {
            last_sequence + 1
        } else {
            info.state.first_sequence
        };
        Ok(State {
            epoch: epoch_of(&info.config),
            first_sequence,
            last_sequence,
        })
    }

    fn check_epoch(&self, found: Option<Epoch>) -> Result<(), Replaced> {
        if found.as_ref() == Some(self.epoch()) {
            return Ok(());
        }
        Err(Replaced {
            expected: self.epoch().clone(),
            found,
        })
    }
}
