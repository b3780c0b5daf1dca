//! Tickets: each lets somebody in once, as the user that it was made for, at any process on the same servers.
//!
//! A stream of its own, in the servers' memory and for half a minute, holds under the hash of each ticket whom it lets in.
//! Whoever reads that stream learns no ticket. A ticket is used by a mark that takes the place of its entry on condition
//! that the entry is still the last message under that hash: the server grants this to one of those who try at the same
//! time, wherever they are. (Deleting the message would also succeed for one alone. But it names the message by its
//! sequence only, and a server that lost its memory counts from 1 again: a delete that was on its way would hit the
//! ticket of somebody else.)
//!
//! The stream is created with the first ticket, and again when the servers have lost it; the tickets that were in it are
//! unknown then. It is never asked through a replica, which may not know yet that a ticket was used.

mod ticket;

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, LastRawMessageErrorKind, RetentionPolicy, StorageType,
};
use async_nats::jetstream::{Error, ErrorCode};
use chrono::{DateTime, Utc};
use proto_schemas::UserId;
use serde::{Deserialize, Serialize};
use tokio::sync::{OnceCell, Semaphore};

use crate::EventLog;
use crate::error::{Cause, OpenError, TicketError};
use crate::settings::Settings;
use crate::topology::{Difference, differ, find_or_create};

pub use ticket::Ticket;

/// For how long a ticket can be used.
pub const TICKET_LIFE: Duration = Duration::from_secs(30);

/// Tickets that there may be at once, used ones included. Beyond, none is made; those there are stay good.
const MOST_TICKETS: i64 = 100_000;

/// What they take at most: an entry has 300 bytes with the longest user id there is.
const MOST_BYTES: i64 = 32 * 1024 * 1024;

/// The largest entry. The server counts headers too.
const ENTRY_BYTES: i32 = 2 * 1024;

/// Questions that this process may have under way at once, so that made-up tickets cannot flood the servers.
const IN_FLIGHT: usize = 64;

/// What takes the place of a ticket that was used.
const USED: &[u8] = b"null";

/// Whom a ticket lets in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    /// The user.
    pub user: UserId,
    /// Until when, in whole seconds. That of the ticket itself is sooner, as a rule.
    #[serde(with = "chrono::serde::ts_seconds")]
    pub until: DateTime<Utc>,
}

/// A ticket that was good when it was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoodTicket {
    /// Whom it lets in, if it is still good when it is used.
    pub admission: Admission,
    subject: String,
    sequence: u64,
}

/// What became of a ticket that was to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It lets in.
    First,
    /// Somebody else has used it since it was looked up, or it became too old.
    TooLate,
}

/// What a process keeps for its tickets.
pub(crate) struct Tickets {
    /// The stream was there once, and such that tickets are safe in it.
    established: OnceCell<()>,
    questions: Semaphore,
}

impl Default for Tickets {
    fn default() -> Self {
        Self {
            established: OnceCell::new(),
            questions: Semaphore::new(IN_FLIGHT),
        }
    }
}

impl EventLog {
    /// Makes a ticket that is good for [`TICKET_LIFE`].
    ///
    /// # Errors
    ///
    /// When the servers cannot be asked, or hold as many tickets as they may.
    pub async fn make_ticket(&self, admission: &Admission) -> Result<Ticket, TicketError> {
        self.require_connection()?;
        let ticket = Ticket::random()?;
        let entry = serde_json::to_vec(admission).map_err(|error| TicketError::Refused(Cause::of(&error)))?;
        let tickets = &self.inner.tickets;
        tickets
            .established
            .get_or_try_init(|| self.establish_tickets())
            .await?;
        let subject = self.ticket_subject(&ticket);
        if self.put(&subject, &entry, 0).await? == Put::NoStream {
            self.establish_tickets().await?;
            match self.put(&subject, &entry, 0).await? {
                Put::Stored => {}
                Put::NoStream | Put::OtherLast => return Err(TicketError::Vanished),
            }
        }
        Ok(ticket)
    }

    /// Looks a ticket up without using it; nothing when it was used, is too old, or was never made.
    ///
    /// # Errors
    ///
    /// When the servers cannot be asked. The ticket is as good as before.
    pub async fn find_ticket(&self, ticket: &Ticket) -> Result<Option<GoodTicket>, TicketError> {
        self.require_connection()?;
        let patience = self.inner.settings.ack_timeout;
        let permit = tokio::time::timeout(patience, self.inner.tickets.questions.acquire());
        let _permit = permit.await.map_err(|_elapsed| TicketError::TimedOut)?;
        let refused = |error: &dyn fmt::Display| TicketError::Refused(Cause::of(error));
        let stream = self
            .inner
            .context
            .get_stream_no_info(stream_name(&self.inner.settings));
        let stream = stream.await.map_err(|error| refused(&error))?;
        let subject = self.ticket_subject(ticket);
        let message = match stream.get_last_raw_message_by_subject(&subject).await {
            Ok(message) => message,
            Err(error) => match error.kind() {
                LastRawMessageErrorKind::NoMessageFound => return Ok(None),
                LastRawMessageErrorKind::JetStream(refusal)
                    if refusal.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                {
                    return Ok(None);
                }
                _ => return Err(refused(&error)),
            },
        };
        let entry: Option<Admission> =
            serde_json::from_slice(&message.payload).map_err(|error| refused(&error))?;
        Ok(entry.map(|admission| GoodTicket {
            admission,
            subject,
            sequence: message.sequence,
        }))
    }

    /// Uses a ticket up.
    ///
    /// # Errors
    ///
    /// When the servers cannot be asked, or do not answer. Then it may be used up all the same: it must not let anybody in
    /// whose use nobody has confirmed.
    pub async fn use_ticket(&self, ticket: &GoodTicket) -> Result<Use, TicketError> {
        self.require_connection()?;
        match self.put(&ticket.subject, USED, ticket.sequence).await? {
            Put::Stored => Ok(Use::First),
            Put::OtherLast | Put::NoStream => Ok(Use::TooLate),
        }
    }

    /// The client library keeps what is sent while there is no connection and sends it later: a ticket would be used up long
    /// after its holder was sent away.
    fn require_connection(&self) -> Result<(), TicketError> {
        match self.inner.client.connection_state() {
            State::Connected => Ok(()),
            State::Pending | State::Disconnected => Err(TicketError::Disconnected),
        }
    }

    fn ticket_subject(&self, ticket: &Ticket) -> String {
        format!("{}.{}", subject_prefix(&self.inner.settings), ticket.hash())
    }

    async fn establish_tickets(&self) -> Result<(), TicketError> {
        let wanted = wanted(&self.inner.settings);
        let found = find_or_create(&self.inner.context, wanted.clone()).await;
        let differences = unsafe_differences(&wanted, &found.map_err(TicketError::Stream)?.config);
        if differences.is_empty() {
            return Ok(());
        }
        Err(TicketError::Stream(OpenError::Unsuitable {
            stream: wanted.name,
            differences,
        }))
    }

    /// Stores a message if `last` is the sequence of the last one under its subject; 0 is none.
    async fn put(&self, subject: &str, payload: &[u8], last: u64) -> Result<Put, TicketError> {
        let message = PublishMessage::build()
            .payload(payload.to_vec().into())
            .expected_stream(stream_name(&self.inner.settings))
            .expected_last_subject_sequence(last);
        let stored = match self.inner.context.send_publish(subject.to_owned(), message).await {
            Ok(ack) => ack.await,
            Err(error) => Err(error),
        };
        let Err(error) = stored else {
            return Ok(Put::Stored);
        };
        match error.kind() {
            PublishErrorKind::StreamNotFound => Ok(Put::NoStream),
            PublishErrorKind::WrongLastSequence => Ok(Put::OtherLast),
            // Somebody else is at it in this moment.
            PublishErrorKind::Other
                if code(&error) == Some(ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT) =>
            {
                Ok(Put::OtherLast)
            }
            PublishErrorKind::TimedOut => Err(TicketError::TimedOut),
            _ => Err(TicketError::Refused(Cause::of(&error))),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Put {
    Stored,
    OtherLast,
    NoStream,
}

fn code(error: &PublishError) -> Option<ErrorCode> {
    let refusal: &Error = error.source()?.downcast_ref()?;
    Some(refusal.error_code())
}

fn stream_name(settings: &Settings) -> String {
    format!("{}-TICKETS", settings.stream)
}

fn subject_prefix(settings: &Settings) -> String {
    format!("ticket.{}", settings.stream)
}

fn wanted(settings: &Settings) -> Config {
    Config {
        name: stream_name(settings),
        description: Some("Lastcall: tickets that let somebody in once, by their hashes".to_owned()),
        subjects: vec![format!("{}.*", subject_prefix(settings))],
        storage: StorageType::Memory,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        num_replicas: settings.replicas,
        max_age: TICKET_LIFE,
        max_messages: MOST_TICKETS,
        max_messages_per_subject: 1,
        max_bytes: MOST_BYTES,
        max_message_size: ENTRY_BYTES,
        ..Config::default()
    }
}

/// Where a ticket would be good for longer, be forgotten when others are made, or be used without a trace.
fn unsafe_differences(wanted: &Config, found: &Config) -> Vec<Difference> {
    let mut differences = Vec::new();
    differ(&mut differences, "subjects", &wanted.subjects, &found.subjects);
    // Sooner is as good.
    if found.max_age.is_zero() || found.max_age > wanted.max_age {
        differ(&mut differences, "max_age", &wanted.max_age, &found.max_age);
    }
    differ(&mut differences, "retention", &wanted.retention, &found.retention);
    differ(&mut differences, "discard", &wanted.discard, &found.discard);
    differ(&mut differences, "no_ack", &wanted.no_ack, &found.no_ack);
    differ(&mut differences, "mirror", &false, &found.mirror.is_some());
    differ(
        &mut differences,
        "max_msgs_per_subject",
        &wanted.max_messages_per_subject,
        &found.max_messages_per_subject,
    );
    differences
}
