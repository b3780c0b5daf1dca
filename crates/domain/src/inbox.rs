//! What people do with their notifications.
//!
//! Every change is absolute: it says how a notification is to be, never what to turn over. Applying it again, or a whole
//! part of the log again, ends in the same state.

use chrono::{DateTime, Utc};
use proto_schemas::events::v1;
use proto_schemas::{CloudEvent, UserId};
use uuid::Uuid;

/// The most notifications that one change names.
pub const MAX_NAMED: usize = 200;

const SOURCE: &str = "/lastcall/inbox";

/// What can be done with a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// It was shown.
    Seen,
    /// It was read, and thereby seen.
    Read,
    /// It is to count as not read.
    Unread,
    /// It was put away, and thereby seen.
    Archived,
    /// It was taken back.
    Unarchived,
}

/// What was done with a notification, and when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct State {
    /// When it was first shown.
    pub seen_at: Option<DateTime<Utc>>,
    /// When it was read.
    pub read_at: Option<DateTime<Utc>>,
    /// When it was put away.
    pub archived_at: Option<DateTime<Utc>>,
}

/// With which notifications something was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Those of these events: 1 to [`MAX_NAMED`].
    Named(Vec<Uuid>),
    /// All of the person's up to this sequence, announcements included.
    UpTo(u64),
}

/// A person did something with notifications of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateChanged {
    /// The person.
    pub user: UserId,
    /// What they did.
    pub change: Change,
    /// To which.
    pub target: Target,
    /// When.
    pub at: DateTime<Utc>,
}

/// Why an event is no change of state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateChangedError {
    /// The person is nobody.
    #[error("userId names no user")]
    User(#[source] proto_schemas::subject::UserIdError),
    /// No change that is known to this version.
    #[error("{0} is no change of a notification's state")]
    Change(i32),
    /// Not exactly one of the two.
    #[error("the change must say either notificationIds or upTo")]
    Target,
    /// More than one change may name.
    #[error("the change names {0} notifications; {MAX_NAMED} is the most")]
    TooMany(usize),
    /// An id that is none.
    #[error("{0:?} in notificationIds is no UUID")]
    Id(String),
    /// It would undo for all what was done to each for a reason of its own.
    #[error("notifications are marked unread or taken back by their ids, not up to a sequence")]
    UpTo,
}

impl State {
    /// Does the change at that instant. What is so already keeps the instant since when it is.
    pub fn apply(&mut self, change: Change, at: DateTime<Utc>) {
        match change {
            Change::Seen => {
                self.seen_at.get_or_insert(at);
            }
            Change::Read => {
                self.seen_at.get_or_insert(at);
                self.read_at.get_or_insert(at);
            }
            Change::Unread => self.read_at = None,
            Change::Archived => {
                self.seen_at.get_or_insert(at);
                self.archived_at.get_or_insert(at);
            }
            Change::Unarchived => self.archived_at = None,
        }
    }

    /// Whether the change would leave it other than it is.
    pub fn would_change(&self, change: Change) -> bool {
        let mut after = *self;
        after.apply(change, DateTime::UNIX_EPOCH);
        after != *self
    }

    /// Whether it counts as unread.
    pub fn is_unread(&self) -> bool {
        self.read_at.is_none() && self.archived_at.is_none()
    }

    /// Whether it counts as unseen.
    pub fn is_unseen(&self) -> bool {
        self.seen_at.is_none() && self.archived_at.is_none()
    }
}

impl Change {
    /// Whether it can be done to all up to a place.
    pub fn can_be_for_all(self) -> bool {
        matches!(self, Self::Seen | Self::Read | Self::Archived)
    }
}

impl StateChanged {
    /// The event that says so.
    pub fn into_event(self, id: Uuid) -> CloudEvent {
        let (notification_ids, up_to) = match self.target {
            Target::Named(ids) => (ids.iter().map(Uuid::to_string).collect(), None),
            Target::UpTo(sequence) => (Vec::new(), Some(sequence)),
        };
        let message = v1::NotificationStateChanged {
            user_id: self.user.into(),
            change: v1::StateChange::from(self.change).into(),
            notification_ids,
            up_to,
        };
        CloudEvent {
            id,
            source: SOURCE.to_owned(),
            time: self.at,
            expiry_time: None,
            event: message.into(),
        }
    }

    /// Reads the message of an event that happened at that instant.
    pub(crate) fn from_message(
        message: v1::NotificationStateChanged,
        at: DateTime<Utc>,
    ) -> Result<Self, StateChangedError> {
        let change = Change::from_number(message.change)?;
        let target = match (message.notification_ids, message.up_to) {
            (ids, None) if ids.len() > MAX_NAMED => return Err(StateChangedError::TooMany(ids.len())),
            (ids, None) if !ids.is_empty() => Target::Named(uuids(ids)?),
            (ids, Some(sequence)) if ids.is_empty() => Target::UpTo(sequence),
            _ => return Err(StateChangedError::Target),
        };
        if matches!(target, Target::UpTo(_)) && !change.can_be_for_all() {
            return Err(StateChangedError::UpTo);
        }
        Ok(Self {
            user: UserId::new(message.user_id).map_err(StateChangedError::User)?,
            change,
            target,
            at,
        })
    }
}

fn uuids(ids: Vec<String>) -> Result<Vec<Uuid>, StateChangedError> {
    ids.into_iter()
        .map(|id| Uuid::try_parse(&id).map_err(|_| StateChangedError::Id(id)))
        .collect()
}

impl Change {
    fn from_number(number: i32) -> Result<Self, StateChangedError> {
        let change = v1::StateChange::try_from(number);
        match change.unwrap_or(v1::StateChange::Unspecified) {
            v1::StateChange::Seen => Ok(Self::Seen),
            v1::StateChange::Read => Ok(Self::Read),
            v1::StateChange::Unread => Ok(Self::Unread),
            v1::StateChange::Archived => Ok(Self::Archived),
            v1::StateChange::Unarchived => Ok(Self::Unarchived),
            v1::StateChange::Unspecified => Err(StateChangedError::Change(number)),
        }
    }
}

impl From<Change> for v1::StateChange {
    fn from(change: Change) -> Self {
        match change {
            Change::Seen => Self::Seen,
            Change::Read => Self::Read,
            Change::Unread => Self::Unread,
            Change::Archived => Self::Archived,
            Change::Unarchived => Self::Unarchived,
        }
    }
}
