//! What a person sees: their own notifications and what was announced to everybody.
//!
//! Every answer carries the position of the projection it was read at, from the same snapshot: whoever was just told
//! of an event can see whether it is in there already, and counts never disagree with the lines beside them.
//!
//! What has expired still counts as unread, and so does what came silently. A count that fell by itself, as time passes,
//! could not be kept by a client that counts along with the events it gets.
//!
//! An announcement is kept once. What a person did with it is kept beside it, from the first time on that they did
//! anything; until then it is unseen.

mod counts;
mod known;
mod list;
#[cfg(test)]
mod plans;
mod preferences;
mod states;

use chrono::{DateTime, Utc};
use domain::inbox::State;
use domain::notification::Notification;
use domain::preferences::Silence;
use proto_schemas::events::v1::Words;
use sea_orm::sea_query::Condition;
use sea_orm::{ColumnTrait, DatabaseTransaction};

use crate::StoreError;
use crate::error::Attempting;
use crate::projection::{NOTIFICATIONS, Position, position};

pub use preferences::StoredPreferences;

/// An answer with the position it is current to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsOf<T> {
    /// The answer.
    pub value: T,
    /// Everything up to here is in it; nothing where nothing was ever projected.
    pub position: Option<Position>,
}

/// Which lines of an inbox are asked for. The default is all that was not put away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// In which state.
    pub state: StateFilter,
    /// Of which CloudEvents types; of all where there are none.
    pub event_types: Vec<String>,
    /// What happened then or later.
    pub since: Option<DateTime<Utc>>,
}

/// In which state lines are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum StateFilter {
    /// Not put away.
    #[default]
    Inbox,
    /// Neither read nor put away.
    Unread,
    /// Read and not put away.
    Read,
    /// Neither seen nor put away.
    Unseen,
    /// Put away.
    Archived,
    /// Any.
    All,
}

/// Some lines of an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxPage {
    /// Those asked for, newest first.
    pub rows: Vec<InboxRow>,
    /// Of the whole inbox, whatever was asked for.
    pub counts: Counts,
}

/// How much of an inbox waits for its owner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines neither read nor put away.
    pub unread: u64,
    /// Lines neither seen nor put away.
    pub unseen: u64,
}

/// One line of an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxRow {
    /// Its sequence in the log; newer ones are greater.
    pub sequence: u64,
    /// To whom it was said.
    pub audience: Audience,
    /// What was said; for everybody, in the first of its languages.
    pub notification: Notification,
    /// What the person did with it.
    pub state: State,
    /// Why it came without an alert, if it did. What is for one person was judged by what they wanted when it came,
    /// what is for everybody by what they want now.
    pub silenced: Option<Silence>,
    /// An announcement's words in each of its languages, the first included.
    pub translations: Vec<Words>,
    /// Where an announcement leads: an absolute URL or a path of the site.
    pub link: Option<String>,
}

/// To whom something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Audience {
    /// To this one person.
    Personal,
    /// To everybody.
    Everybody,
}

/// Reads the position and ends the snapshot.
async fn close(snapshot: DatabaseTransaction) -> Result<Option<Position>, StoreError> {
    let position = position(&snapshot, NOTIFICATIONS).await?;
    snapshot.commit().await.attempting("ending a read")?;
    Ok(position)
}

/// The columns that say what was done with a line.
struct StateColumns<C> {
    seen: C,
    read: C,
    archived: C,
}

impl<C: ColumnTrait> StateColumns<C> {
    /// In the words of the partial indexes, or those would not be used: what is not seen is not read either.
    fn are(&self, state: StateFilter) -> Condition {
        let all = Condition::all();
        match state {
            StateFilter::All => all,
            StateFilter::Archived => all.add(self.archived.is_not_null()),
            StateFilter::Inbox => all.add(self.archived.is_null()),
            StateFilter::Unread => all.add(self.read.is_null()).add(self.archived.is_null()),
            StateFilter::Read => all.add(self.read.is_not_null()).add(self.archived.is_null()),
            StateFilter::Unseen => self.are(StateFilter::Unread).add(self.seen.is_null()),
        }
    }
}
