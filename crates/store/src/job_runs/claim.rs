use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, Insert, QueryFilter, QuerySelect,
    QueryTrait,
};
use uuid::Uuid;

use super::attempt::begin;
use super::{Lease, Origin, RunStart, State, WindowStart, clock};
use crate::entity::job_run;
use crate::error::Attempting;
use crate::instant::stored;
use crate::{Store, StoreError};

/// What came of asking for a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// An attempt at it has begun.
    Claimed(Box<RunStart>),
    /// Somebody else is at it.
    Owned {
        /// Who.
        owner: String,
        /// When the lease lapses, unless it is renewed.
        until: DateTime<Utc>,
    },
}

/// How many rows one statement inserts; the values of each are well below the 32,766 that SQLite binds.
const ROWS_A_STATEMENT: usize = 1000;

const ATTEMPTED: &str = "claiming a job run";

impl Store {
    /// Takes a run because a person asks for it, whatever its schedule and a back-off say, and records it where it does
    /// not exist yet.
    ///
    /// An unfinished run goes on from its checkpoint. A failed one does too, or from its first page with a failed row,
    /// since those may have been mended. One that succeeded is done all again.
    pub async fn claim_run(
        &self,
        job: &str,
        scheduled_at: DateTime<Utc>,
        lease: &Lease,
        window: &WindowStart<'_>,
    ) -> Result<Claim, StoreError> {
        let scheduled_at = stored(scheduled_at);
        let transaction = self.begin_write().await.attempting(ATTEMPTED)?;
        let now = clock::now(&transaction).await.attempting(ATTEMPTED)?;
        create(&transaction, job, &[scheduled_at], Origin::Request, now)
            .await
            .attempting(ATTEMPTED)?;
        let run = job_run::Entity::find()
            .filter(job_run::Column::Job.eq(job))
            .filter(job_run::Column::ScheduledAt.eq(scheduled_at))
            .lock_exclusive()
            .one(&transaction)
            .await
            .and_then(|run| run.ok_or_else(|| DbErr::RecordNotFound("the run just recorded".to_owned())))
            .attempting(ATTEMPTED)?;
        // Whoever had the lock may have kept it for a while.
        let now = clock::now(&transaction).await.attempting(ATTEMPTED)?;
        if let (Some(owner), Some(until)) = (&run.owner, run.leased_until)
            && until > now
        {
            let owner = owner.clone();
            return Ok(Claim::Owned { owner, until });
        }
        let start = begin(&transaction, run, lease, window, now).await?;
        transaction.commit().await.attempting(ATTEMPTED)?;
        Ok(Claim::Claimed(Box::new(start)))
    }

    /// Gives up whatever runs an owner has, for one that is known to be gone. Anybody may take them at once, and should
    /// the owner be there after all, it cannot write about them any more.
    pub async fn release_leases(&self, owner: &str) -> Result<(), StoreError> {
        job_run::Entity::update_many()
            .col_expr(job_run::Column::Owner, Expr::value(None::<String>))
            .col_expr(job_run::Column::LeasedUntil, Expr::value(None::<DateTime<Utc>>))
            .filter(job_run::Column::FinishedAt.is_null())
            .filter(job_run::Column::Owner.eq(owner))
            .exec(self.connection())
            .await
            .attempting("releasing the leases of an owner that is gone")?;
        Ok(())
    }
}

/// Records runs that wait for their first attempt, except those that exist.
pub(super) async fn create(
    transaction: &DatabaseTransaction,
    job: &str,
    instants: &[DateTime<Utc>],
    origin: Origin,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let waiting = |scheduled_at: &DateTime<Utc>| job_run::ActiveModel {
        id: Set(Uuid::new_v4()),
        job: Set(job.to_owned()),
        scheduled_at: Set(stored(*scheduled_at)),
        // The first attempt decides; the runs before it have not succeeded yet.
        window_start: Set(stored(*scheduled_at)),
        state: Set(State::Waiting.as_str().to_owned()),
        origin: Set(origin.as_str().to_owned()),
        created_at: Set(now),
        ..Default::default()
    };
    let once = OnConflict::columns([job_run::Column::Job, job_run::Column::ScheduledAt])
        .do_nothing()
        .to_owned();
    for chunk in instants.chunks(ROWS_A_STATEMENT) {
        let insert = Insert::many(chunk.iter().map(waiting)).on_conflict(once.clone());
        transaction.execute(&insert.into_query()).await?;
    }
    Ok(())
}
