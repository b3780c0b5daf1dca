//! From what a client asks for to where its stream begins, and what it is told about the difference.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use event_log::ReadError;
use proto_schemas::Cursor;

use crate::edge::Shared;
use crate::frame::{Gap, Reason};
use crate::metrics::{Account, Kind, Later, Resumed};
use crate::registry::Seat;
use crate::request::Start;
use crate::stream::Stream;
use crate::window::Position;

/// Where a stream begins.
struct Beginning {
    position: Position,
    /// What the client asked for and why it cannot get it.
    missed: Option<(Reason, String)>,
}

/// A stream at its beginning.
pub(crate) struct Opened {
    pub(crate) stream: Stream,
    /// What its client is to be told before anything else.
    pub(crate) gap: Option<Gap>,
}

/// Makes the stream. Its place in the registry was taken before, so that nothing published from now on passes it by.
///
/// # Errors
///
/// When the log has to be asked where to begin and does not answer.
pub(crate) async fn open(
    shared: &Arc<Shared>,
    seat: Seat,
    start: Start,
    kind: Kind,
) -> Result<Opened, Later> {
    let mut account = Account::new(kind);
    let is_fresh = start == Start::Now;
    let Beginning { position, missed } = begin(shared, start).await.map_err(|error| {
        tracing::warn!(%error, "cannot say where a stream begins; the client is to come back");
        Later::Nats
    })?;
    let metrics = &shared.metrics;
    if is_fresh {
        metrics.began(&mut account, Resumed::Fresh);
    }
    let gap = missed.map(|(reason, requested)| {
        metrics.began(&mut account, Resumed::Gap(reason));
        metrics.gap(reason);
        Gap {
            reason,
            requested,
            resumed_from: shared.log.epoch().at(position.sequence),
        }
    });
    let stream = Stream::new(Arc::clone(shared), seat, position, account);
    Ok(Opened { stream, gap })
}

async fn begin(shared: &Shared, start: Start) -> Result<Beginning, ReadError> {
    let head = shared.window().head();
    let at = |sequence| Position { sequence, ..head };
    match start {
        Start::Now => Ok(Beginning {
            position: head,
            missed: None,
        }),
        Start::After(cursor) => after(shared, head, cursor).await,
        Start::Earliest => {
            let bounds = shared.log.bounds().await?;
            Ok(Beginning {
                position: at(bounds.first_sequence - 1),
                missed: None,
            })
        }
        Start::Since { instant, written } => {
            let position = at(shared.log.last_sequence_before(instant).await?);
            let missed = is_expired(shared, instant)
                .await?
                .then_some((Reason::Expired, written));
            Ok(Beginning { position, missed })
        }
    }
}

/// A position below what the log holds is found out by the stream itself, as with a reader that fell so far behind.
async fn after(shared: &Shared, head: Position, cursor: Cursor) -> Result<Beginning, ReadError> {
    let missed = |reason| Beginning {
        position: head,
        missed: Some((reason, cursor.to_string())),
    };
    if cursor.epoch != *shared.log.epoch() {
        return Ok(missed(Reason::EpochChanged));
    }
    // Another edge may have been faster than our tail. What is ahead of the log itself was never in this log, or is lost.
    if cursor.sequence > head.sequence && cursor.sequence > shared.log.bounds().await?.last_sequence {
        return Ok(missed(Reason::AheadOfLog));
    }
    Ok(Beginning {
        position: Position {
            sequence: cursor.sequence,
            ..head
        },
        missed: None,
    })
}

/// Whether messages stored at that time or later may have been deleted by age: only if the time lies before the
/// retention, and something was deleted at all.
async fn is_expired(shared: &Shared, instant: DateTime<Utc>) -> Result<bool, ReadError> {
    let beyond = shared
        .log
        .retention()
        .is_some_and(|retention| instant < Utc::now() - retention);
    Ok(beyond && shared.log.bounds().await?.first_sequence > 1)
}
