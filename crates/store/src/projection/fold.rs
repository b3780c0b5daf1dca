//! One pass over a batch, message after message: what each makes of the tables.

use std::collections::BTreeMap;

use domain::entry::Entry;
use domain::inbox::StateChanged;
use domain::preferences::Preferences;
use hashbrown::HashMap;
use proto_schemas::Recipient;

use super::Logged;
use super::rows::{self, Personal};
use crate::entity::announcement;

/// What a batch makes of the tables.
#[derive(Default)]
pub(crate) struct Fold<'a> {
    /// In the order of the log: of two with the same event, the first one is to stay.
    pub(crate) notifications: Vec<Personal<'a>>,
    /// Likewise.
    pub(crate) announcements: Vec<announcement::ActiveModel>,
    /// In the order of the log.
    pub(crate) changes: Vec<Changed<'a>>,
    /// The last ones of each person, with the sequence they are from.
    pub(crate) preferences: BTreeMap<&'a str, (u64, &'a Preferences)>,
}

/// A change of states with its place in the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Changed<'a> {
    pub(crate) sequence: u64,
    pub(crate) change: &'a StateChanged,
}

impl<'a> Fold<'a> {
    /// What these make of tables in which people have these preferences.
    pub(crate) fn of(entries: &'a [Logged], known: &HashMap<String, Preferences>) -> Self {
        let mut fold = Self::default();
        for logged in entries {
            fold.add(logged, known);
        }
        fold
    }

    fn add(&mut self, logged: &'a Logged, known: &HashMap<String, Preferences>) {
        match (&logged.entry, &logged.recipient) {
            (Entry::Told(told), Recipient::Everybody) => {
                self.announcements.push(rows::general(logged, told));
            }
            (Entry::Told(told), Recipient::User(user)) => {
                let latest = self.preferences.get(user.as_str()).map(|(_, latest)| *latest);
                let preferences = latest.or_else(|| known.get(user.as_str()));
                let silence = preferences.and_then(|preferences| {
                    let event_type = &told.notification.event_type;
                    preferences.silence(event_type, told.funding_id.as_deref(), logged.stored_at)
                });
                self.notifications.push(Personal {
                    user,
                    sequence: logged.sequence,
                    notification: &told.notification,
                    silence,
                });
            }
            (Entry::StateChanged(change), _) => self.changes.push(Changed {
                sequence: logged.sequence,
                change,
            }),
            (Entry::PreferencesChanged { user, preferences }, _) => {
                self.preferences
                    .insert(user.as_str(), (logged.sequence, preferences));
            }
        }
    }
}
