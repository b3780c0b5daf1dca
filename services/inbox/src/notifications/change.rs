//! Doing something with notifications.

use axum::http::StatusCode;
use chrono::Utc;
use domain::entry::Entry;
use domain::inbox::{Change as Done, State, StateChanged, Target};
use proto_schemas::UserId;
use service_kit::problem::Problem;
use store::inbox::{Filter, StateFilter};
use uuid::Uuid;

use crate::Inbox;
use crate::tables::answered;
use crate::writing::{Change, Decision, Place};

/// What is to be done with which notifications.
pub(crate) struct StateChange {
    user: UserId,
    change: Done,
    target: Target,
}

impl StateChange {
    /// Ids are in order, each once.
    pub(crate) fn new(user: UserId, change: Done, target: Target) -> Self {
        Self { user, change, target }
    }

    pub(crate) fn user(&self) -> &UserId {
        &self.user
    }

    /// Whether there is something to change among these, or who is missing.
    async fn changes_named(
        &self,
        inbox: &Inbox,
        place: Place,
        ids: &[Uuid],
    ) -> Result<Result<bool, Problem>, Problem> {
        let mut states = answered(inbox.store.notification_states(&self.user, ids).await)?.value;
        if states.len() < ids.len() {
            // An announcement is in nobody's own subject, and the client may have been told of it just now.
            inbox.wait_for_table(place.end).await?;
            states = answered(inbox.store.notification_states(&self.user, ids).await)?.value;
        }
        if states.len() < ids.len() {
            return Ok(Err(no_such_notification(ids, &states)));
        }
        Ok(Ok(states
            .iter()
            .any(|(_, state)| state.would_change(self.change))))
    }

    /// Whether there is something to change among all up to a sequence.
    async fn changes_up_to(
        &self,
        inbox: &Inbox,
        place: Place,
        sequence: u64,
    ) -> Result<Result<bool, Problem>, Problem> {
        if sequence > place.end {
            return Ok(Err(Problem::malformed(
                "up_to is ahead of the log; send a cursor that you were given, unchanged",
            )));
        }
        inbox.wait_for_table(sequence).await?;
        let to_change = Filter {
            state: match self.change {
                Done::Seen => StateFilter::Unseen,
                Done::Read | Done::Unread => StateFilter::Unread,
                Done::Archived | Done::Unarchived => StateFilter::Inbox,
            },
            ..Filter::default()
        };
        let before = Some(sequence.saturating_add(1));
        let page = inbox
            .store
            .list_notifications(&self.user, &to_change, before, 1)
            .await;
        Ok(Ok(!answered(page)?.value.rows.is_empty()))
    }
}

impl Change for StateChange {
    type Answer = ();

    async fn decide(&self, inbox: &Inbox, place: Place, id: Uuid) -> Result<Decision<()>, Problem> {
        let changes = match &self.target {
            Target::Named(ids) => self.changes_named(inbox, place, ids).await?,
            Target::UpTo(sequence) => self.changes_up_to(inbox, place, *sequence).await?,
        };
        Ok(match changes {
            Ok(true) => {
                let event = StateChanged {
                    user: self.user.clone(),
                    change: self.change,
                    target: self.target.clone(),
                    at: Utc::now(),
                };
                Decision::Append(event.into_event(id), ())
            }
            Ok(false) => Decision::Keep(()),
            Err(problem) => Decision::Refuse(problem),
        })
    }

    fn made_before(&self, entry: Entry) -> Option<()> {
        let Entry::StateChanged(made) = entry else {
            return None;
        };
        let same = made.user == self.user && made.change == self.change && made.target == self.target;
        same.then_some(())
    }
}

fn no_such_notification(ids: &[Uuid], found: &[(Uuid, State)]) -> Problem {
    let is_missing = |id: &&Uuid| found.iter().all(|(known, _)| known != *id);
    let missing: Vec<String> = ids.iter().filter(is_missing).map(Uuid::to_string).collect();
    Problem::new(
        StatusCode::NOT_FOUND,
        "no-such-notification",
        "There is no such notification",
        format!(
            "none of your notifications has the id {}; nothing was changed",
            missing.join(", ")
        ),
    )
    .with("ids", missing)
}
