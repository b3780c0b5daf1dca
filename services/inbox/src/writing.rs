//! Changing something of a person's: an event in their own subject, appended where nothing came since.
//!
//! A change is decided by the table as of the last message that the log has for the person: its place. It is appended on
//! condition that this still is the last one. Whoever loses that race decides again, by what the table says then. So all
//! changes of one person stand in the log in one order, and each was decided by those before it, however many processes
//! take them in.
//!
//! A change that was made before is not made again, and not judged again either: what it was about may be as it wants it to
//! be by now, or not be there any more. The log says so where the change is appended; where there is nothing to append, it
//! is asked.

use axum::http::StatusCode;
use domain::entry::Entry;
use event_log::{Novelty, PlaceError, ReadError, Record, Stored};
use proto_schemas::{CloudEvent, Cursor, Recipient, UserId};
use service_kit::problem::Problem;
use tokio::time::timeout;
use uuid::Uuid;

use crate::Inbox;
use crate::freshness::behind;
use crate::idempotency::{Name, reused};

/// Where the log stands for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Their last message; 0 where there is none.
    pub(crate) last: u64,
    /// The last message at all.
    pub(crate) end: u64,
}

/// What is to become of a change.
pub(crate) enum Decision<A> {
    /// It is made by this event, and answered so.
    Append(CloudEvent, A),
    /// It is so already, and answered so.
    Keep(A),
    /// It cannot be made.
    Refuse(Problem),
}

/// What somebody wants to change.
pub(crate) trait Change {
    /// What they are answered.
    type Answer;

    /// Decides by the table, which has everything of the person's up to the place. An error is none of the request's.
    async fn decide(&self, inbox: &Inbox, place: Place, id: Uuid) -> Result<Decision<Self::Answer>, Problem>;

    /// What was answered when this very change was made, if it is what the log has.
    fn made_before(&self, entry: Entry) -> Option<Self::Answer>;
}

/// What became of a change.
#[derive(Debug)]
pub(crate) struct Written<A> {
    pub(crate) answer: A,
    /// Where the table shows it.
    pub(crate) cursor: Cursor,
    /// Whether there is an event of it.
    pub(crate) changed: bool,
}

impl Inbox {
    /// Makes a change of a person's, unless it was made before or need not be made.
    pub(crate) async fn write<C: Change>(
        &self,
        user: &UserId,
        name: Name,
        change: &C,
    ) -> Result<Written<C::Answer>, Problem> {
        let written = async {
            let _turn = self.turns.take(user).await;
            self.write_now(user, name, change).await
        };
        let written = timeout(self.settings.write_wait, written).await;
        written.map_err(|_elapsed| too_late())?
    }

    async fn write_now<C: Change>(
        &self,
        user: &UserId,
        name: Name,
        change: &C,
    ) -> Result<Written<C::Answer>, Problem> {
        loop {
            let place = self.place(user).await?;
            self.wait_for_table(place.last).await?;
            let (event, answer) = match change.decide(self, place, name.id()).await? {
                Decision::Append(event, answer) => (event, answer),
                Decision::Keep(answer) => {
                    let made = self.made_before(name, change).await?;
                    return Ok(made.unwrap_or_else(|| self.kept(answer, place)));
                }
                Decision::Refuse(problem) => return self.made_before(name, change).await?.ok_or(problem),
            };
            let record = Record {
                recipient: Recipient::User(user.clone()),
                id: name.id(),
                payload: payload(&event)?,
            };
            match self.log.append_if_last(&record, Some(place.last)).await {
                Ok(placed) if placed.novelty == Novelty::Fresh => {
                    return Ok(self.changed(answer, placed.sequence));
                }
                Ok(placed) => return self.made_at(placed.sequence, change).await,
                Err(PlaceError::Conflict) => {}
                Err(error) => return Err(not_appended(&error)),
            }
        }
    }

    async fn place(&self, user: &UserId) -> Result<Place, Problem> {
        let recipient = Recipient::User(user.clone());
        // The bounds are asked for also because that fails where the log was replaced.
        let (bounds, last) = tokio::try_join!(self.log.bounds(), self.log.last_of(&recipient))
            .map_err(|error| unreadable(&error))?;
        Ok(Place {
            last: last.map_or(0, |last| last.sequence),
            end: bounds.last_sequence,
        })
    }

    /// Returns once the table has everything up to a place in the log.
    pub(crate) async fn wait_for_table(&self, sequence: u64) -> Result<(), Problem> {
        let cursor = self.log.epoch().at(sequence);
        self.wait_for(&cursor).await?.map_err(|_late| behind(&cursor))
    }

    /// What became of the change when it was made before, if it was.
    async fn made_before<C: Change>(
        &self,
        name: Name,
        change: &C,
    ) -> Result<Option<Written<C::Answer>>, Problem> {
        let Name::Chosen(id) = name else {
            return Ok(None);
        };
        match self
            .log
            .place_of(id)
            .await
            .map_err(|error| not_appended(&error))?
        {
            Some(sequence) => self.made_at(sequence, change).await.map(Some),
            None => Ok(None),
        }
    }

    async fn made_at<C: Change>(&self, sequence: u64, change: &C) -> Result<Written<C::Answer>, Problem> {
        let stored = self.stored(sequence).await?;
        let entry = Entry::from_stored(&stored.payload).ok();
        let answer = entry
            .and_then(|entry| change.made_before(entry))
            .ok_or_else(reused)?;
        Ok(self.changed(answer, sequence))
    }

    /// A message that the log is known to have taken.
    pub(crate) async fn stored(&self, sequence: u64) -> Result<Stored, Problem> {
        let stored = self
            .log
            .message(sequence)
            .await
            .map_err(|error| unreadable(&error))?;
        stored.ok_or_else(|| {
            tracing::warn!(sequence, "a message that was taken is not in the log any more");
            unavailable()
        })
    }

    fn changed<A>(&self, answer: A, sequence: u64) -> Written<A> {
        Written {
            answer,
            cursor: self.log.epoch().at(sequence),
            changed: true,
        }
    }

    fn kept<A>(&self, answer: A, place: Place) -> Written<A> {
        Written {
            answer,
            cursor: self.log.epoch().at(place.last),
            changed: false,
        }
    }
}

/// An event as the log has it.
pub(crate) fn payload(event: &CloudEvent) -> Result<bytes::Bytes, Problem> {
    let json = event.to_json().map_err(|error| Problem::internal(&error))?;
    Ok(json.into())
}

/// Why an event is not known to be in the log.
pub(crate) fn not_appended(error: &PlaceError) -> Problem {
    if let PlaceError::TooLarge { bytes, limit, .. } = error {
        return Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "event-too-large",
            "It does not fit into one event",
            format!("it takes {bytes} bytes as an event; {limit} is the most: say less"),
        );
    }
    tracing::warn!(cause = %service_kit::telemetry::chain(error), "a change is not known to be in the log");
    unavailable()
}

/// Why the log does not say what it has.
pub(crate) fn unreadable(error: &ReadError) -> Problem {
    tracing::warn!(cause = %service_kit::telemetry::chain(error), "the log cannot be asked");
    unavailable()
}

fn unavailable() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "log-unavailable",
        "The change is not known to be made",
        "the log cannot be reached now; ask again, with the same Idempotency-Key",
    )
    .retry_after(1)
}

pub(crate) fn too_late() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "write-unfinished",
        "The change is not known to be made",
        "it took too long: too many changes at once, or the table or the log is slow; ask again, with the same Idempotency-Key",
    )
    .retry_after(1)
}
