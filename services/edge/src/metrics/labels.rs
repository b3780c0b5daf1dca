//! What the metrics tell apart.

use crate::frame::Reason;
use crate::registry::Full;

/// Where a stream went on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resumed {
    /// From now: it asked for nothing else.
    Fresh,
    /// From a position in the window.
    Window,
    /// From a position below it.
    Log,
    /// From another position than the one that was asked for.
    Gap(Reason),
}

/// Why a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The client closed it.
    Client,
    /// Its connection broke.
    Broken,
    /// The client sent far more than a request.
    Talkative,
    /// The client took nothing for too long, or its network did not answer.
    Stalled,
    /// The token ended.
    Expired,
    /// The node was told to end, and told the client.
    Drained,
    /// The node was told to end, and the client did not listen.
    Abandoned,
}

/// Why somebody is told to come back later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Later {
    #[error("{0}")]
    Full(Full),
    #[error("this edge has just started and is not ready yet")]
    Starting,
    #[error("this edge is about to end")]
    Draining,
    #[error("the key of the token cannot be looked up now")]
    Keys,
    #[error("the log does not answer now")]
    Nats,
}

/// What is counted of one stream or poll: once how it began, once how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    pub(super) kind: Kind,
    /// Once it is known, and counted.
    pub(super) resumed: Option<Resumed>,
    pub(crate) ended: Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Stream,
    Poll,
}

impl Resumed {
    pub(super) const ALL: [Self; 6] = [
        Self::Fresh,
        Self::Window,
        Self::Log,
        Self::Gap(Reason::Expired),
        Self::Gap(Reason::EpochChanged),
        Self::Gap(Reason::AheadOfLog),
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Window => "window",
            Self::Log => "log",
            Self::Gap(Reason::Expired) => "gap_expired",
            Self::Gap(Reason::EpochChanged) => "gap_epoch_changed",
            Self::Gap(Reason::AheadOfLog) => "gap_ahead_of_log",
        }
    }
}

impl Ended {
    pub(super) const ALL: [Self; 7] = [
        Self::Client,
        Self::Broken,
        Self::Talkative,
        Self::Stalled,
        Self::Expired,
        Self::Drained,
        Self::Abandoned,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Broken => "broken",
            Self::Talkative => "talkative",
            Self::Stalled => "stalled",
            Self::Expired => "expired",
            Self::Drained => "drained",
            Self::Abandoned => "abandoned",
        }
    }
}

impl Later {
    pub(super) const ALL: [Self; 7] = [
        Self::Full(Full::Edge),
        Self::Full(Full::User),
        Self::Full(Full::Address),
        Self::Starting,
        Self::Draining,
        Self::Keys,
        Self::Nats,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Full(Full::Edge) => "limit_all",
            Self::Full(Full::User) => "limit_user",
            Self::Full(Full::Address) => "limit_address",
            Self::Starting => "starting",
            Self::Draining => "draining",
            Self::Keys => "keys",
            Self::Nats => "nats",
        }
    }
}

impl Account {
    /// Of a stream or poll that has not begun yet.
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            resumed: None,
            ended: Ended::Client,
        }
    }
}
