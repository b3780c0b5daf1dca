use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::Utc;
use domain::occurrence::event_id;
use event_log::{Novelty, Record};
use proto_schemas::events::v1::AnnouncementPosted;
use proto_schemas::{CloudEvent, Cursor, Event, Recipient};
use serde::Serialize;
use service_kit::problem::Problem;
use tokio::time::timeout;
use utoipa::ToSchema;
use uuid::Uuid;

use super::announcer::Announcer;
use super::request::{Announcement, AnnouncementRequest};
use crate::Inbox;
use crate::body::Body;
use crate::current::{Current, done};
use crate::description::{AnnouncementHeaders, LogRefusals, WriteRefusals};
use crate::idempotency::{IdempotencyKey, Name, reused};
use crate::tables::answered;
use crate::writing::{not_appended, payload, too_late, unreadable};

const SOURCE: &str = "/lastcall/inbox";

/// An announcement that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnnouncementAnswer {
    /// What it is called.
    id: String,
    /// Id of its event, the same as in the stream and in lists.
    event_id: Uuid,
    /// Its place in the log.
    #[schema(value_type = String, example = "k3v9x2ma.1031")]
    cursor: Option<Cursor>,
}

impl Current for AnnouncementAnswer {
    fn cursor(&mut self) -> &mut Option<Cursor> {
        &mut self.cursor
    }
}

/// What is to be announced, under which names.
struct Posted {
    event: CloudEvent,
    id: String,
    by: By,
}

/// What makes two requests the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Id,
    Key,
    Nothing,
}

/// Tells everybody something.
///
/// It is in everybody's stream and list from the answer's cursor on, and each person reads and archives it for themselves.
#[utoipa::path(
    post, path = "/v1/announcements", operation_id = "postAnnouncement", request_body = AnnouncementRequest,
    params(AnnouncementHeaders),
    responses(
        (status = 201, body = AnnouncementAnswer, headers(
            ("lastcall-cursor" = String, description = "The answer's cursor."),
        )),
        (status = 200, body = AnnouncementAnswer, description = "It was announced before, and is not again.", headers(
            ("lastcall-cursor" = String, description = "The answer's cursor."),
        )),
        (status = 409, body = Problem, content_type = "application/problem+json",
            description = "Another announcement has this id."),
        WriteRefusals,
        LogRefusals,
        (status = 403, body = Problem, content_type = "application/problem+json",
            description = "The token's scope does not have `announcements:write`; or a page of another site asks, with the cookie.",
            headers(("www-authenticate" = String, description = "The scope that is needed."))),
    )
)]
pub(crate) async fn post(
    State(inbox): State<Inbox>,
    Announcer(user): Announcer,
    key: IdempotencyKey,
    Body(request): Body<AnnouncementRequest>,
) -> Result<Response, Problem> {
    let posted = Posted::new(request.checked()?, key.name(&user));
    let placed = timeout(inbox.settings.write_wait, inbox.announce(&posted)).await;
    let (sequence, novelty) = placed.map_err(|_elapsed| too_late())??;
    let answer = AnnouncementAnswer {
        id: posted.id,
        event_id: posted.event.id,
        cursor: Some(inbox.log.epoch().at(sequence)),
    };
    let status = match novelty {
        Novelty::Fresh => StatusCode::CREATED,
        Novelty::Known => StatusCode::OK,
    };
    Ok(done(status, answer))
}

impl Inbox {
    async fn announce(&self, posted: &Posted) -> Result<(u64, Novelty), Problem> {
        // Fails where the log was replaced: what is answered would be a place in the old one.
        self.log.bounds().await.map_err(|error| unreadable(&error))?;
        // Longer ago than the log recognises repetitions, it would be announced once more.
        if self.is_in_table(posted).await? {
            return match self.place_of(posted.event.id).await? {
                Some(sequence) => self.announced_at(posted, sequence).await,
                None => Err(posted.taken()),
            };
        }
        if posted
            .event
            .expiry_time
            .is_some_and(|expires_at| expires_at <= Utc::now())
        {
            return match self.place_of(posted.event.id).await? {
                Some(sequence) => self.announced_at(posted, sequence).await,
                None => Err(Problem::malformed("expires_at: is not in the future")),
            };
        }
        let record = Record {
            recipient: Recipient::Everybody,
            id: posted.event.id,
            payload: payload(&posted.event)?,
        };
        let placed = self.log.append_if_last(&record, None).await;
        let placed = placed.map_err(|error| not_appended(&error))?;
        match placed.novelty {
            Novelty::Fresh => Ok((placed.sequence, Novelty::Fresh)),
            Novelty::Known => self.announced_at(posted, placed.sequence).await,
        }
    }

    async fn is_in_table(&self, posted: &Posted) -> Result<bool, Problem> {
        if posted.by != By::Id {
            return Ok(false);
        }
        let known = self.store.known_event_ids(&[posted.event.id]).await;
        Ok(!answered(known)?.is_empty())
    }

    async fn place_of(&self, id: Uuid) -> Result<Option<u64>, Problem> {
        self.log.place_of(id).await.map_err(|error| not_appended(&error))
    }

    /// That it was announced before, if it was this one.
    async fn announced_at(&self, posted: &Posted, sequence: u64) -> Result<(u64, Novelty), Problem> {
        let stored = self.stored(sequence).await?;
        let same = CloudEvent::from_json(&stored.payload).is_ok_and(|stored| {
            stored.event == posted.event.event && stored.expiry_time == posted.event.expiry_time
        });
        if same {
            Ok((sequence, Novelty::Known))
        } else {
            Err(posted.taken())
        }
    }
}

impl Posted {
    fn new(announcement: Announcement, name: Name) -> Self {
        let Announcement {
            id,
            words,
            link,
            expires_at,
        } = announcement;
        let (event_id, by) = match (&id, name) {
            (Some(id), _) => (event_id(&["announcement", id]), By::Id),
            (None, Name::Chosen(event_id)) => (event_id, By::Key),
            (None, Name::Random(event_id)) => (event_id, By::Nothing),
        };
        let id = id.unwrap_or_else(|| event_id.to_string());
        let message = AnnouncementPosted {
            announcement_id: id.clone(),
            words,
            link,
        };
        Self {
            event: CloudEvent {
                id: event_id,
                source: SOURCE.to_owned(),
                time: Utc::now(),
                expiry_time: expires_at,
                event: Event::from(message),
            },
            id,
            by,
        }
    }

    /// Something else goes by its name.
    fn taken(&self) -> Problem {
        if self.by == By::Key {
            return reused();
        }
        Problem::new(
            StatusCode::CONFLICT,
            "announcement-exists",
            "Another announcement has this id",
            "an announcement with this id was made before, with other words or long ago; choose another id",
        )
    }
}
