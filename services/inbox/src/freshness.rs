//! Waiting until the table has what the client has seen already.

use std::time::Duration;

use axum::http::StatusCode;
use proto_schemas::Cursor;
use serde::Deserialize;
use service_kit::problem::Problem;
use store::projection::NOTIFICATIONS;
use tokio::time::Instant;
use utoipa::IntoParams;

use crate::Inbox;
use crate::tables::answered;

/// Between the first two looks at the position. The projector moves it within milliseconds of an event.
const FIRST_POLL: Duration = Duration::from_millis(2);

/// Between two looks, once it takes longer.
const POLL: Duration = Duration::from_millis(20);

/// How fresh the answer has to be.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct FreshnessQuery {
    /// Answer only once everything up to this cursor is in the answer.
    #[param(example = "k3v9x2ma.1024", max_length = 128)]
    pub(crate) at_least: Option<String>,
}

/// Why the table is not waited for any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Late {
    /// It is the table of another log.
    OtherLog,
    /// It did not get there in time.
    Behind,
}

impl Inbox {
    /// Returns once everything up to the cursor is in the table, if one is given.
    pub(crate) async fn wait_until_at_least(&self, cursor: Option<&str>) -> Result<(), Problem> {
        let Some(cursor) = cursor else { return Ok(()) };
        let cursor = parse("at_least", cursor)?;
        match self.wait_for(&cursor).await? {
            Ok(()) => Ok(()),
            Err(Late::OtherLog) => Err(other_log(&cursor)),
            Err(Late::Behind) => Err(behind(&cursor)),
        }
    }

    /// Returns once everything up to the cursor is in the table, or it takes too long.
    pub(crate) async fn wait_for(&self, cursor: &Cursor) -> Result<Result<(), Late>, Problem> {
        let deadline = Instant::now() + self.settings.at_least_wait;
        let mut pause = FIRST_POLL;
        loop {
            let position = answered(self.store.projection_position(NOTIFICATIONS).await)?;
            match &position {
                Some(position) if position.epoch != cursor.epoch => return Ok(Err(Late::OtherLog)),
                Some(position) if position.sequence >= cursor.sequence => return Ok(Ok(())),
                // Nothing was ever projected, and nothing needs to be.
                None if cursor.sequence == 0 => return Ok(Ok(())),
                _ if Instant::now() >= deadline => return Ok(Err(Late::Behind)),
                _ => tokio::time::sleep(pause).await,
            }
            pause = POLL.min(2 * pause);
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

/// Asked again, it may have caught up.
pub(crate) fn behind(cursor: &Cursor) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "table-behind",
        "The table has not caught up",
        format!("the table does not reach {cursor} yet; ask again"),
    )
    .retry_after(1)
}
