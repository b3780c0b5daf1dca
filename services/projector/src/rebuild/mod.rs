//! Building the tables anew from the log, beside the projector that writes the live ones and those who read them.
//!
//! 1. The log is read up to where the live tables stand, and spilled to temporary files by person ([`spill`]).
//! 2. Person by person all that was said to them, and all that they did, is folded at once into rows in their final state,
//!    which are loaded ([`load`]). Nothing that was written has to be found and changed again, whatever lies between a
//!    notification and its reading; and memory holds a few of the files, whatever the log holds.
//! 3. What came meanwhile is projected, batch by batch, as the projector does it ([`end`]). Both tables are compared where
//!    they stand at the same position, and the new ones are put in place of the live ones.

mod end;
mod feed;
mod load;
mod shown;
mod spill;

use std::io;
use std::time::{Duration, Instant};

use event_log::{EventLog, FollowError, ReadError};
use proto_schemas::Epoch;
use store::projection::Position;
use store::rebuild::{Comparison, TakenOver};
use store::{Store, StoreError};

pub use shown::{Shown, show};

use end::Beside;
use feed::Feed;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Of which log the live tables are.
    pub log: LogOfTables,
    /// What becomes of the new tables.
    pub then: Then,
}

/// Of which log the live tables are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogOfTables {
    /// Of this one. What it no longer holds is taken over from them.
    This,
    /// Of one that was replaced, or whose end was lost. Nothing is taken over, and their position is set to that of the
    /// new ones.
    Another,
}

/// What becomes of the new tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// They are put in place of the live ones.
    Swap,
    /// They are compared with the live ones, and dropped.
    CompareOnly,
}

/// What a rebuild is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Reading the log: so many messages of about so many.
    Reading {
        /// So far.
        done: u64,
        /// In all.
        of: u64,
    },
    /// Making rows of so many messages of so many, and writing them.
    Writing {
        /// So far.
        done: u64,
        /// In all.
        of: u64,
    },
    /// Making indexes.
    Indexing,
    /// Projecting what came meanwhile: this sequence is reached.
    CatchingUp {
        /// The sequence.
        reached: u64,
    },
    /// Comparing.
    Comparing,
    /// Putting the new tables in place.
    Swapping,
    /// Dropping what is no longer needed.
    Dropping,
}

/// Told what a rebuild is at.
pub type Watch<'a> = &'a (dyn Fn(Step) + Send + Sync);

/// What a rebuild has done.
#[derive(Debug, Clone)]
pub struct Rebuilt {
    /// Where the new tables stand.
    pub position: Position,
    /// Messages of the log that were read before the new tables had caught up.
    pub messages: u64,
    /// What the log no longer holds.
    pub taken_over: TakenOver,
    /// What the comparison found; nothing where the live tables are of another log.
    pub comparison: Option<Comparison>,
    /// Whether the new tables are the live ones now.
    pub swapped: bool,
    /// How long it took.
    pub took: Took,
}

/// How long the parts of a rebuild took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Took {
    /// Until the new tables held all that the live ones did, with their indexes.
    pub building: Duration,
    /// The comparison.
    pub comparing: Duration,
    /// The swap, with the wait for its locks.
    pub swapping: Duration,
}

/// Why there was no rebuild. The live tables are what they were, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The live tables come from another log.
    #[error(
        "the notification tables were built from the log {table}, and this log is {log}; say --from-new-log to build them \
         from it and give up what they hold"
    )]
    OtherLog {
        /// The epoch that the tables are from.
        table: Epoch,
        /// The epoch of the log.
        log: Epoch,
    },
    /// The log ends before what the live tables hold.
    #[error(
        "the log ends at {last}, and the notification tables hold what it had until {table}: it lost its end; say \
         --from-new-log to build them from what is left and give up what they hold"
    )]
    LostEnd {
        /// The last sequence of the log.
        last: u64,
        /// The position of the tables.
        table: u64,
    },
    /// There is nothing to give up the live tables for.
    #[error(
        "the notification tables are of this log; leave --from-new-log out, or what the log no longer holds is lost"
    )]
    SameLog,
    /// The log lost what was read of it, or was replaced.
    #[error("the log does not continue what was read of it")]
    Log(#[from] FollowError),
    /// The log does not answer.
    #[error("the log cannot be read")]
    Read(#[from] ReadError),
    /// The database failed, or refused.
    #[error("the tables cannot be rebuilt")]
    Store(#[from] StoreError),
    /// Temporary files cannot be written.
    #[error("the log cannot be kept in temporary files in {}", std::env::temp_dir().display())]
    Spill(#[source] io::Error),
    /// What was found cannot be written.
    #[error("the rows cannot be written")]
    Output(#[source] io::Error),
    /// Both sides kept moving.
    #[error("the live tables never stood still for long enough to {0}; try again when there is less traffic")]
    NeverStill(&'static str),
    /// The new tables are in place, and the old ones are still there too.
    #[error(
        "the new tables are in place, but the old ones cannot be dropped; they are called replaced_notifications and so on"
    )]
    Leftovers(#[source] StoreError),
}

/// Builds the tables anew.
pub async fn rebuild(
    store: &Store,
    log: &EventLog,
    plan: Plan,
    watch: Watch<'_>,
) -> Result<Rebuilt, RebuildError> {
    let began = Instant::now();
    let mut rebuild = store.start_rebuild().await?;
    let target = target(log, rebuild.live_position().await?, plan.log).await?;
    let mut feed = Feed::new(log);
    let loaded = load::load(&mut rebuild, store, &mut feed, target, plan.log, watch).await?;
    watch(Step::Indexing);
    let position = Position {
        epoch: log.epoch().clone(),
        sequence: target,
    };
    rebuild.index(&position).await?;
    let taken_over = match plan.log {
        LogOfTables::This => {
            let taken_over = rebuild.take_over(loaded.first).await?;
            rebuild.take_over_silence(&loaded.unknown_before).await?;
            taken_over
        }
        LogOfTables::Another => TakenOver::default(),
    };
    let mut beside = Beside {
        rebuild,
        feed,
        maker: store.row_maker(),
        position,
        log: plan.log,
        watch,
    };
    watch(Step::CatchingUp { reached: target });
    beside.catch_up().await?;
    let mut took = Took {
        building: began.elapsed(),
        ..Took::default()
    };
    let messages = beside.feed.taken();
    let comparing = Instant::now();
    let comparison = match plan.log {
        LogOfTables::This => beside.compare().await?,
        LogOfTables::Another => None,
    };
    took.comparing = comparing.elapsed();
    let swapping = Instant::now();
    if plan.then == Then::Swap {
        beside.swap().await?;
    }
    took.swapping = swapping.elapsed();
    watch(Step::Dropping);
    beside.rebuild.clear().await.map_err(|error| match plan.then {
        Then::Swap => RebuildError::Leftovers(error),
        Then::CompareOnly => error.into(),
    })?;
    Ok(Rebuilt {
        position: beside.position,
        messages,
        taken_over,
        comparison,
        swapped: plan.then == Then::Swap,
        took,
    })
}

/// Up to where the log is to be read at first: to where the live tables stand, since they are what is to be compared and
/// replaced.
async fn target(log: &EventLog, live: Option<Position>, of: LogOfTables) -> Result<u64, RebuildError> {
    let last = log.bounds().await?.last_sequence;
    match (live, of) {
        (None, _) => Ok(last),
        (Some(live), LogOfTables::This) if live.epoch != *log.epoch() => Err(RebuildError::OtherLog {
            table: live.epoch,
            log: log.epoch().clone(),
        }),
        (Some(live), LogOfTables::This) if live.sequence > last => Err(RebuildError::LostEnd {
            last,
            table: live.sequence,
        }),
        (Some(live), LogOfTables::This) => Ok(live.sequence),
        (Some(live), LogOfTables::Another) if live.epoch == *log.epoch() && live.sequence <= last => {
            Err(RebuildError::SameLog)
        }
        (Some(_), LogOfTables::Another) => Ok(last),
    }
}
