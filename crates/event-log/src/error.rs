//! What can go wrong, said so that whoever runs the service knows where to look.

use std::fmt;
use std::path::PathBuf;

use proto_schemas::Epoch;
use uuid::Uuid;

use crate::append::Appended;
use crate::connection::REQUIRED_VERSION;
use crate::settings::SettingsError;
use crate::topology::Difference;

/// What the client library or the server said, flattened to one line.
///
/// The library's errors print their sources themselves *and* name them as sources; kept as they are, every chain would
/// say everything twice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Cause(String);

impl Cause {
    pub(crate) fn of(error: &dyn fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// Why the log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A setting cannot work.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The address cannot be read.
    #[error("{url:?} is no address of a nats-server; the form is nats://host:4222")]
    Address {
        /// As configured, without credentials.
        url: String,
        /// What is wrong with it.
        source: std::io::Error,
    },
    /// The credentials cannot be read.
    #[error("cannot read the NATS credentials file {}", path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Nobody answers, or the server refuses us.
    #[error(
        "cannot connect to nats-server at {url}: check that it runs, that the address is right and that the \
             credentials are accepted"
    )]
    Unreachable {
        /// As configured, without credentials.
        url: String,
        /// What the client library says.
        #[source]
        cause: Cause,
    },
    /// The server lacks what the log is built on.
    #[error(
        "nats-server at {url} is version {found}; {}.{} or newer is required: upgrade it",
        REQUIRED_VERSION.0,
        REQUIRED_VERSION.1
    )]
    TooOld {
        /// As configured, without credentials.
        url: String,
        /// The version it told.
        found: String,
    },
    /// The server keeps no streams.
    #[error(
        "nats-server at {url} runs without JetStream: start it with --jetstream, or with `jetstream {{}}` in its \
             configuration"
    )]
    NoJetStream {
        /// As configured, without credentials.
        url: String,
    },
    /// The stream could be neither found nor created.
    #[error("cannot find or create the stream {stream:?}")]
    Stream {
        /// Its name.
        stream: String,
        /// What the server says.
        #[source]
        cause: Cause,
    },
    /// There is a stream of that name on which the promises could not be kept.
    #[error(
        "the stream {stream:?} cannot serve as the log: {}; change the stream, or set another name",
        list(differences)
    )]
    Unsuitable {
        /// Its name.
        stream: String,
        /// Everything that stands in the way.
        differences: Vec<Difference>,
    },
}

/// Why records were not appended, or are not known to be.
///
/// Whatever the reason, appending the same records again is safe: those that were stored are recognised by their ids.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// A record without payload: replays take an empty message for their end. Nothing was sent.
    #[error("record {index} ({id}) has an empty payload; nothing of the chunk was sent")]
    Empty {
        /// Its place in the chunk, from 0.
        index: usize,
        /// Its id.
        id: Uuid,
    },
    /// A record larger than the log takes. Nothing was sent.
    #[error(
        "record {index} ({id}) has {bytes} bytes, more than the {limit} that max_payload_bytes allows; nothing of \
             the chunk was sent"
    )]
    TooLarge {
        /// Its place in the chunk, from 0.
        index: usize,
        /// Its id.
        id: Uuid,
        /// Its size.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// The server refused one record for what it is, and would refuse it again: it is larger than the stream takes
    /// (JetStream errors 10054 and 10097) or than the server takes from any client. The rest of the chunk may well be
    /// stored without it; part of it was.
    #[error("the log refused record {index} ({id}); {} of {total} records are confirmed", appended.confirmed())]
    Refused {
        /// Its place in the chunk, from 0.
        index: usize,
        /// Its id.
        id: Uuid,
        /// What became of others. Appended again, all of them count as already emitted.
        appended: Appended,
        /// How many there were.
        total: usize,
        /// What the server says.
        #[source]
        cause: Cause,
    },
    /// The server refused a record as it would refuse any other, until somebody changes something: the stream is sealed
    /// (JetStream error 10109), the account is at its limits (10002), and every other error but those above and those
    /// that may pass, which are repeated first (no leader, overloaded or full: status 503; too many requests: 429; an
    /// earlier copy in process: 10158).
    #[error("the log takes no records; {confirmed} of {total} records are confirmed")]
    Unwritable {
        /// How many are known to be stored.
        confirmed: usize,
        /// How many there were.
        total: usize,
        /// What the server says.
        #[source]
        cause: Cause,
    },
    /// Another stream than the log took the record: the subjects are bound elsewhere.
    #[error(
        "a record was stored in the stream {found:?} instead of {expected:?}: another stream binds the log's subjects"
    )]
    OtherStream {
        /// The log's stream.
        expected: String,
        /// The one that took it.
        found: String,
    },
    /// Acks are missing, also after the repetitions.
    #[error(
        "{confirmed} of {total} records are confirmed after {attempts} attempts; nats-server does not acknowledge \
             the rest"
    )]
    Unconfirmed {
        /// How many are known to be stored.
        confirmed: usize,
        /// How many there were.
        total: usize,
        /// How often they were sent.
        attempts: u32,
        /// What came of the last one.
        #[source]
        cause: Cause,
    },
}

/// Why one record was not appended on its condition, or is not known to be.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// A record without payload: replays take an empty message for their end. Nothing was sent.
    #[error("record {id} has an empty payload")]
    Empty {
        /// Its id.
        id: Uuid,
    },
    /// A record larger than the log takes. Nothing was sent.
    #[error("record {id} has {bytes} bytes, more than the {limit} that max_payload_bytes allows")]
    TooLarge {
        /// Its id.
        id: Uuid,
        /// Its size.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// Something else came since for the same recipient. The record is not stored, and will not be.
    #[error("another record came first")]
    Conflict,
    /// The server would refuse it again.
    #[error("the log refused record {id}")]
    Refused {
        /// Its id.
        id: Uuid,
        /// What the server says.
        #[source]
        cause: Cause,
    },
    /// There is no ack, also after the repetitions. Appended again, the record is stored once.
    #[error("record {id} is not confirmed after {attempts} attempts; nats-server does not acknowledge it")]
    Unconfirmed {
        /// Its id.
        id: Uuid,
        /// How often it was sent.
        attempts: u32,
        /// What came of the last one.
        #[source]
        cause: Cause,
    },
}

/// Why the log could not be read. Asking again may help.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No answer, or the answer broke off.
    #[error("nats-server did not answer in time, or not completely")]
    TimedOut,
    /// A message of the answer went missing on its way.
    #[error("the answer has a hole after sequence {after}")]
    Hole {
        /// The last message before it.
        after: u64,
    },
    /// A replica answered that does not have what the leader has.
    #[error("a replica answered that is behind the leader")]
    Behind,
    /// The server said no.
    #[error("nats-server refused to read the log")]
    Refused(#[source] Cause),
    /// The stream is another one than when the log was opened.
    #[error(transparent)]
    Replaced(#[from] Replaced),
}

/// Why a ticket could not be made, looked up or used.
#[derive(Debug, thiserror::Error)]
pub enum TicketError {
    /// Nothing was asked.
    #[error("there is no connection to nats-server")]
    Disconnected,
    /// No answer.
    #[error("nats-server did not answer in time")]
    TimedOut,
    /// The server said no, for example because it holds as many tickets as it may (JetStream error 10077).
    #[error("nats-server refused")]
    Refused(#[source] Cause),
    /// The stream that tickets are kept in could be neither found nor created, or is not safe for them.
    #[error("there is no place to keep tickets in")]
    Stream(#[source] OpenError),
    /// It was deleted again at once.
    #[error("the stream of the tickets is gone")]
    Vanished,
    /// The system has no random bytes.
    #[error("no random bytes can be had")]
    Random(#[source] Cause),
}

/// The stream was replaced by another of the same name: positions in the old one mean nothing in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the log was replaced: its epoch was {expected} and is {} now", found.as_ref().map_or("missing", Epoch::as_str))]
pub struct Replaced {
    /// The epoch when the log was opened.
    pub expected: Epoch,
    /// The epoch now, if there is any.
    pub found: Option<Epoch>,
}

/// Why following ended. Everything that may pass is waited out instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// The log ends before the position, or did so before it grew again: it lost messages that were seen.
    #[error(
        "the log lost what came after {last_sequence}, behind the position {position} that was reached in it: its last \
             messages are gone, or an older copy of it was restored"
    )]
    BehindCheckpoint {
        /// Where the follower stands.
        position: u64,
        /// Where the log ends, or the last that it has of what was seen.
        last_sequence: u64,
    },
    /// The stream is another one than when the log was opened.
    #[error(transparent)]
    Replaced(#[from] Replaced),
}

fn list(differences: &[Difference]) -> String {
    differences
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}
