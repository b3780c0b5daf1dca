//! What a message of the log is to an inbox.

use proto_schemas::cloud_event::DecodeError;
use proto_schemas::events::v1::Words;
use proto_schemas::{CloudEvent, Event, UserId};

use crate::inbox::{StateChanged, StateChangedError};
use crate::notification::Notification;
use crate::preferences::{Preferences, PreferencesError};

/// What a message of the log is to an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Something that is told to people.
    Told(Told),
    /// What a person did with what they were told.
    StateChanged(StateChanged),
    /// What a person wants to be alerted of.
    PreferencesChanged {
        /// The person.
        user: UserId,
        /// All that they want from now on.
        preferences: Preferences,
    },
}

/// Something that is told to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// As it is shown, in the first of its languages.
    pub notification: Notification,
    /// The funding it belongs to.
    pub funding_id: Option<String>,
    /// An announcement's words in each of its languages, the first included. What is for one person is in theirs alone.
    pub translations: Vec<Words>,
    /// Where to read more: an absolute URL or a path of the site.
    pub link: Option<String>,
}

/// Why a stored message is nothing to an inbox.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It is no event.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It is one, but says nothing to people.
    #[error("the event has no words to show")]
    NoWords,
    /// What was done cannot be told from it.
    #[error("the change of state cannot be read")]
    State(#[from] StateChangedError),
    /// What is wanted cannot be told from it.
    #[error("the preferences cannot be read")]
    Preferences(#[from] PreferencesError),
}

impl Entry {
    /// Reads a stored message.
    pub fn from_stored(payload: &[u8]) -> Result<Self, Refused> {
        let CloudEvent {
            id,
            time,
            expiry_time,
            event,
            ..
        } = CloudEvent::from_json(payload)?;
        let event = match event {
            Event::NotificationStateChanged(message) => {
                return Ok(Self::StateChanged(StateChanged::from_message(message, time)?));
            }
            Event::PreferencesChanged(message) => {
                let (user, preferences) = Preferences::changed(message)?;
                return Ok(Self::PreferencesChanged { user, preferences });
            }
            told => told,
        };
        let Words { locale, title, body } = event.words().first().cloned().ok_or(Refused::NoWords)?;
        let notification = Notification {
            event_id: id,
            event_type: event.type_name().to_owned(),
            subject: event.aggregate(),
            title,
            body,
            locale,
            occurred_at: time,
            expires_at: expiry_time,
        };
        let funding_id = event.funding_id().map(str::to_owned);
        let (translations, link) = match event {
            Event::AnnouncementPosted(announcement) => (announcement.words, announcement.link),
            _ => (Vec::new(), None),
        };
        Ok(Self::Told(Told {
            notification,
            funding_id,
            translations,
            link,
        }))
    }
}
