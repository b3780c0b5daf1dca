//! What a log makes of inboxes, worked out in memory by nothing but the words of the contract, one message after the
//! other.

use std::collections::BTreeMap;

use domain::entry::Entry;
use domain::inbox::{Change, State, StateChanged, Target};
use domain::preferences::{Preferences, Silence};
use proto_schemas::Recipient;
use store::inbox::{Audience, Counts, StateFilter};
use store::projection::Logged;
use uuid::Uuid;

/// A line as somebody sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) sequence: u64,
    pub(crate) event_id: Uuid,
    pub(crate) audience: Audience,
    pub(crate) state: State,
    pub(crate) silenced: Option<Silence>,
}

/// Everything that a log has said so far.
#[derive(Debug, Default)]
pub(crate) struct Model {
    own: Vec<(String, Line)>,
    general: Vec<Logged>,
    touched: BTreeMap<(String, Uuid), State>,
    preferences: BTreeMap<String, (u64, Preferences)>,
}

impl Model {
    pub(crate) fn add(&mut self, logged: &Logged) {
        match (&logged.entry, &logged.recipient) {
            (Entry::Told(told), Recipient::Everybody) => {
                let id = told.notification.event_id;
                if !self.general.iter().any(|earlier| event_id(earlier) == id) {
                    self.general.push(logged.clone());
                }
            }
            (Entry::Told(told), Recipient::User(user)) => {
                let line = Line {
                    sequence: logged.sequence,
                    event_id: told.notification.event_id,
                    audience: Audience::Personal,
                    state: State::default(),
                    silenced: self.silence(user.as_str(), logged),
                };
                if !self
                    .own
                    .iter()
                    .any(|(_, earlier)| earlier.event_id == line.event_id)
                {
                    self.own.push((user.as_str().to_owned(), line));
                }
            }
            (Entry::StateChanged(change), _) => self.change(change),
            (Entry::PreferencesChanged { user, preferences }, _) => {
                let wanted = (logged.sequence, preferences.clone());
                self.preferences.insert(user.as_str().to_owned(), wanted);
            }
        }
    }

    fn change(&mut self, change: &StateChanged) {
        let user = change.user.as_str();
        let reached = |sequence: u64, id: &Uuid| match &change.target {
            Target::Named(ids) => ids.contains(id),
            Target::UpTo(last) => sequence <= *last,
        };
        for (owner, line) in &mut self.own {
            if owner == user && reached(line.sequence, &line.event_id) {
                change_state(&mut line.state, change);
            }
        }
        for logged in &self.general {
            let id = event_id(logged);
            if reached(logged.sequence, &id) {
                change_state(self.touched.entry((user.to_owned(), id)).or_default(), change);
            }
        }
    }

    fn silence(&self, user: &str, logged: &Logged) -> Option<Silence> {
        let Entry::Told(told) = &logged.entry else {
            return None;
        };
        let (_, preferences) = self.preferences.get(user)?;
        let event_type = &told.notification.event_type;
        preferences.silence(event_type, told.funding_id.as_deref(), logged.stored_at)
    }

    pub(crate) fn preferences(&self, user: &str) -> Option<&(u64, Preferences)> {
        self.preferences.get(user)
    }

    /// All lines of a person, newest first.
    pub(crate) fn lines(&self, user: &str) -> Vec<Line> {
        let own = self.own.iter().filter(|(owner, _)| owner == user);
        let own = own.map(|(_, line)| line.clone());
        let general = self.general.iter().map(|logged| Line {
            sequence: logged.sequence,
            event_id: event_id(logged),
            audience: Audience::Everybody,
            state: self
                .touched
                .get(&(user.to_owned(), event_id(logged)))
                .copied()
                .unwrap_or_default(),
            silenced: self.silence(user, logged),
        });
        let mut lines: Vec<Line> = own.chain(general).collect();
        lines.sort_by_key(|line| std::cmp::Reverse(line.sequence));
        lines
    }
}

fn event_id(logged: &Logged) -> Uuid {
    match &logged.entry {
        Entry::Told(told) => told.notification.event_id,
        _ => Uuid::nil(),
    }
}

fn change_state(state: &mut State, change: &StateChanged) {
    let at = Some(change.at);
    match change.change {
        Change::Seen => state.seen_at = state.seen_at.or(at),
        Change::Read => {
            state.seen_at = state.seen_at.or(at);
            state.read_at = state.read_at.or(at);
        }
        Change::Unread => state.read_at = None,
        Change::Archived => {
            state.seen_at = state.seen_at.or(at);
            state.archived_at = state.archived_at.or(at);
        }
        Change::Unarchived => state.archived_at = None,
    }
}

pub(crate) fn counts(lines: &[Line]) -> Counts {
    let of = |state| lines.iter().filter(|line| is(line, state)).count() as u64;
    Counts {
        unread: of(StateFilter::Unread),
        unseen: of(StateFilter::Unseen),
    }
}

/// Whether a filter asks for the line.
pub(crate) fn is(line: &Line, state: StateFilter) -> bool {
    let State {
        seen_at,
        read_at,
        archived_at,
    } = line.state;
    match state {
        StateFilter::All => true,
        StateFilter::Archived => archived_at.is_some(),
        StateFilter::Inbox => archived_at.is_none(),
        StateFilter::Unread => archived_at.is_none() && read_at.is_none(),
        StateFilter::Read => archived_at.is_none() && read_at.is_some(),
        StateFilter::Unseen => archived_at.is_none() && seen_at.is_none(),
    }
}
