use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::{accounts, clock};
use crate::entity::job;
use crate::error::Attempting;
use crate::{Store, StoreError};

/// How a job stands with its schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobState {
    /// The job.
    pub job: String,
    /// Every scheduled instant up to here has its run or its skip, from when the job was first seen.
    pub accounted_until: DateTime<Utc>,
    /// Since when the job is paused; nothing where it is not.
    pub paused_since: Option<DateTime<Utc>>,
}

impl Store {
    /// Keeps a job from beginning runs by itself. A run that has begun goes on to its end, and a person may still run
    /// the job. Nothing changes where it is paused already.
    pub async fn pause_job(&self, job: &str) -> Result<(), StoreError> {
        let attempted = "pausing a job";
        let transaction = self.begin_write().await.attempting(attempted)?;
        let row = accounts::locked_job(&transaction, job)
            .await
            .attempting(attempted)?;
        if !row.is_paused() {
            let now = clock::now(&transaction).await.attempting(attempted)?;
            job::Entity::update_many()
                .col_expr(job::Column::PauseBegan, Expr::value(Some(now)))
                .col_expr(job::Column::PauseEnded, Expr::value(None::<DateTime<Utc>>))
                .filter(job::Column::Job.eq(job))
                .exec(&transaction)
                .await
                .attempting(attempted)?;
        }
        transaction.commit().await.attempting(attempted)
    }

    /// Lets a job begin runs again; what it missed is up to its misfire policy. Nothing changes where it is not paused.
    pub async fn resume_job(&self, job: &str) -> Result<(), StoreError> {
        let attempted = "resuming a job";
        let transaction = self.begin_write().await.attempting(attempted)?;
        let row = accounts::locked_job(&transaction, job)
            .await
            .attempting(attempted)?;
        if row.is_paused() {
            let now = clock::now(&transaction).await.attempting(attempted)?;
            job::Entity::update_many()
                .col_expr(job::Column::PauseEnded, Expr::value(Some(now)))
                .filter(job::Column::Job.eq(job))
                .exec(&transaction)
                .await
                .attempting(attempted)?;
        }
        transaction.commit().await.attempting(attempted)
    }

    /// Every job that a scheduler has seen or a person has paused, by name.
    pub async fn job_states(&self) -> Result<Vec<JobState>, StoreError> {
        let jobs = job::Entity::find()
            .order_by_asc(job::Column::Job)
            .all(self.connection())
            .await
            .attempting("reading how jobs stand")?;
        Ok(jobs
            .into_iter()
            .map(|row| JobState {
                paused_since: row.pause_began.filter(|_| row.is_paused()),
                accounted_until: row.accounted_until,
                job: row.job,
            })
            .collect())
    }
}

impl job::Model {
    pub(super) fn is_paused(&self) -> bool {
        self.pause_began.is_some() && self.pause_ended.is_none()
    }
}
