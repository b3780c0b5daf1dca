//! What the log makes of a person's inbox, by the rules alone: no database, no batches, nothing remembered.

use std::collections::HashMap;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use domain::entry::Entry;
use domain::inbox::{State, StateChanged, Target};
use domain::preferences::Preferences;
use serde::Deserialize;
use test_support::stored_log::Message;
use uuid::Uuid;

use crate::site::person;

/// One line of an inbox, as far as it can be told from the log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Line {
    pub(crate) id: Uuid,
    pub(crate) seen_at: Option<DateTime<Utc>>,
    pub(crate) read_at: Option<DateTime<Utc>>,
    pub(crate) archived_at: Option<DateTime<Utc>>,
    pub(crate) silenced: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Counts {
    unread: usize,
    unseen: usize,
}

/// An inbox after the whole log.
pub(crate) struct Replay {
    /// Oldest first, each with its sequence.
    told: Vec<(u64, Line)>,
    /// Changes of state in the log.
    pub(crate) changes: usize,
}

impl Line {
    fn state(&self) -> State {
        State {
            seen_at: self.seen_at,
            read_at: self.read_at,
            archived_at: self.archived_at,
        }
    }

    fn apply(&mut self, changed: &StateChanged) {
        let mut state = self.state();
        state.apply(changed.change, to_the_microsecond(changed.at));
        (self.seen_at, self.read_at, self.archived_at) = (state.seen_at, state.read_at, state.archived_at);
    }
}

impl Counts {
    pub(crate) fn of(lines: &[Line]) -> Self {
        let count = |counts: fn(&State) -> bool| lines.iter().filter(|line| counts(&line.state())).count();
        Self {
            unread: count(State::is_unread),
            unseen: count(State::is_unseen),
        }
    }
}

impl Replay {
    pub(crate) fn of(log: &[Message]) -> Self {
        let mut replay = Self {
            told: Vec::new(),
            changes: 0,
        };
        let mut ids = HashMap::new();
        let mut preferences = Preferences::default();
        // What is for everybody is judged by what the person wants in the end.
        let mut general = Vec::new();
        for message in log {
            let entry = Entry::from_stored(&message.payload).expect("nothing else is in this log");
            match entry {
                Entry::Told(told) => {
                    let (id, kind) = (told.notification.event_id, told.notification.event_type);
                    let before = ids.insert(id, message.sequence);
                    assert_eq!(before, None, "{id} is in the log twice");
                    if message.subject == "evt.all" {
                        general.push((replay.told.len(), kind.clone()));
                    }
                    let silence =
                        preferences.silence(&kind, told.funding_id.as_deref(), DateTime::UNIX_EPOCH);
                    let line = Line {
                        id,
                        seen_at: None,
                        read_at: None,
                        archived_at: None,
                        silenced: silence.map(|silence| silence.to_string()),
                    };
                    replay.told.push((message.sequence, line));
                }
                Entry::StateChanged(changed) => {
                    assert_eq!(changed.user, person());
                    replay.change(&changed);
                }
                Entry::PreferencesChanged {
                    preferences: changed, ..
                } => preferences = changed,
            }
        }
        for (index, kind) in general {
            let silence = preferences.silence(&kind, None, DateTime::UNIX_EPOCH);
            replay.told[index].1.silenced = silence.map(|silence| silence.to_string());
        }
        replay
    }

    fn change(&mut self, changed: &StateChanged) {
        self.changes += 1;
        for (sequence, line) in &mut self.told {
            let is_meant = match &changed.target {
                Target::Named(ids) => ids.contains(&line.id),
                Target::UpTo(last) => *sequence <= *last,
            };
            if is_meant {
                line.apply(changed);
            }
        }
    }

    /// Newest first.
    pub(crate) fn lines(&self) -> Vec<Line> {
        self.told.iter().rev().map(|(_, line)| line.clone()).collect()
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts::of(&self.lines())
    }
}

/// As the tables keep instants.
fn to_the_microsecond(instant: DateTime<Utc>) -> DateTime<Utc> {
    instant
        .duration_trunc(TimeDelta::microseconds(1))
        .expect("an instant of these years")
}
