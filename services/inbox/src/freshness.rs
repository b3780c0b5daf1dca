//! Waiting until the table has what the client has seen already.

use std::time::Duration;

use axum::http::StatusCode;
use proto_schemas::Cursor;
use service_kit::problem::Problem;
use store::projection::NOTIFICATIONS;
use tokio::time::Instant;

use crate::Inbox;

/// Between two looks at the position. The projector moves it within milliseconds of an event.
const POLL: Duration = Duration::from_millis(20);

impl Inbox {
    /// Returns once everything up to the cursor is in the table, if one is given.
    pub(crate) async fn wait_until_at_least(&self, cursor: Option<&str>) -> Result<(), Problem> {
        let Some(cursor) = cursor else { return Ok(()) };
        let cursor = parse("at_least", cursor)?;
        let deadline = Instant::now() + self.settings.at_least_wait;
        loop {
            let position = self.store.projection_position(NOTIFICATIONS).await;
            let position = position.map_err(|error| Problem::internal(&error))?;
            match &position {
                Some(position) if position.epoch != cursor.epoch => return Err(other_log(&cursor)),
                Some(position) if position.sequence >= cursor.sequence => return Ok(()),
                _ if Instant::now() >= deadline => return Err(behind(&cursor)),
                _ => tokio::time::sleep(POLL).await,
            }
        }
    }
}

/// Reads a cursor that a client sent.
pub(crate) fn parse(parameter: &str, cursor: &str) -> Result<Cursor, Problem> {
    cursor.parse().map_err(|error| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed-cursor",
            "The cursor is malformed",
            format!("{parameter}: {error}; send one that you were given, unchanged"),
        )
    })
}

/// The client is told plainly: its position means nothing here, and waiting would not help.
pub(crate) fn other_log(cursor: &Cursor) -> Problem {
    Problem::new(
        StatusCode::GONE,
        "epoch-changed",
        "The log was replaced",
        format!("{cursor} is a position in a log that was replaced; load the newest page without it"),
    )
}

fn behind(cursor: &Cursor) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "table-behind",
        "The table has not caught up",
        format!("the table does not reach {cursor} yet; ask again"),
    )
}
