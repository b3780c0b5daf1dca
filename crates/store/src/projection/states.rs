//! What changes make of the lines of inboxes. Pure.

use domain::inbox::{State, StateChanged, Target};
use hashbrown::HashMap;
use uuid::Uuid;

use super::fold::Changed;
use crate::inbox::Audience;
use crate::instant::stored;

const AUDIENCES: [Audience; 2] = [Audience::Personal, Audience::Everybody];

/// Lines of several people's inboxes: all that some changes may change.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    people: HashMap<String, HashMap<(Audience, Uuid), Line>>,
}

#[derive(Debug)]
struct Line {
    sequence: u64,
    before: State,
    after: State,
}

/// A line that is no longer as it was.
#[derive(Debug)]
pub(crate) struct ChangedLine<'a> {
    pub(crate) user: &'a str,
    pub(crate) audience: Audience,
    pub(crate) event_id: Uuid,
    pub(crate) state: State,
}

impl Lines {
    /// Takes in a line as it is stored. Once more does no harm.
    pub(crate) fn add(&mut self, user: &str, key: (Audience, Uuid), sequence: u64, state: State) {
        let line = Line {
            sequence,
            before: state,
            after: state,
        };
        self.people.entry_ref(user).or_default().insert(key, line);
    }

    /// Applies changes in the order of the log.
    pub(crate) fn apply(&mut self, changes: &[Changed<'_>]) {
        for Changed { sequence, change } in changes {
            let Some(lines) = self.people.get_mut(change.user.as_str()) else {
                continue;
            };
            // What the log has later was not there to be changed.
            let reached = |line: &&mut Line| line.sequence < *sequence;
            match &change.target {
                Target::Named(ids) => {
                    let keys = ids
                        .iter()
                        .flat_map(|id| AUDIENCES.map(|audience| (audience, *id)));
                    for key in keys {
                        if let Some(line) = lines.get_mut(&key).filter(reached) {
                            line.apply(change);
                        }
                    }
                }
                Target::UpTo(last) => {
                    for line in lines.values_mut().filter(reached) {
                        if line.sequence <= *last {
                            line.apply(change);
                        }
                    }
                }
            }
        }
    }

    /// Those that are no longer as they were.
    pub(crate) fn changed(&self) -> impl Iterator<Item = ChangedLine<'_>> {
        let lines = self.people.iter().flat_map(|(user, lines)| {
            lines
                .iter()
                .map(move |((audience, event_id), line)| (user, *audience, *event_id, line))
        });
        lines
            .filter(|(.., line)| line.after != line.before)
            .map(|(user, audience, event_id, line)| ChangedLine {
                user,
                audience,
                event_id,
                state: line.after,
            })
    }
}

impl Line {
    fn apply(&mut self, change: &StateChanged) {
        self.after.apply(change.change, stored(change.at));
    }
}
