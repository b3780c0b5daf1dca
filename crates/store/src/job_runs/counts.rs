use sea_orm::UpdateMany;
use sea_orm::sea_query::Expr;
use serde::{Deserialize, Serialize};

use crate::entity::{job_attempt, job_run};

/// What a run or an attempt has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Rows read.
    pub read: u64,
    /// Events that the log stored.
    pub emitted: u64,
    /// Events that the log had already.
    pub already_emitted: u64,
    /// Rows that no event could be made of.
    pub skipped: u64,
}

impl Counts {
    /// What has been done since `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            read: self.read.saturating_sub(before.read),
            emitted: self.emitted.saturating_sub(before.emitted),
            already_emitted: self.already_emitted.saturating_sub(before.already_emitted),
            skipped: self.skipped.saturating_sub(before.skipped),
        }
    }

    pub(super) fn of_run(run: &job_run::Model) -> Self {
        Self::stored([run.read_count, run.emitted, run.already_emitted, run.skipped])
    }

    pub(super) fn of_attempt(attempt: &job_attempt::Model) -> Self {
        Self::stored([
            attempt.read_count,
            attempt.emitted,
            attempt.already_emitted,
            attempt.skipped,
        ])
    }

    fn stored(columns: [i64; 4]) -> Self {
        let [read, emitted, already_emitted, skipped] =
            columns.map(|count| u64::try_from(count).unwrap_or(0));
        Self {
            read,
            emitted,
            already_emitted,
            skipped,
        }
    }

    fn columns(self) -> [i64; 4] {
        [self.read, self.emitted, self.already_emitted, self.skipped]
            .map(|n| i64::try_from(n).unwrap_or(i64::MAX))
    }

    pub(super) fn set_of_run(self, update: UpdateMany<job_run::Entity>) -> UpdateMany<job_run::Entity> {
        let [read, emitted, already_emitted, skipped] = self.columns();
        update
            .col_expr(job_run::Column::ReadCount, Expr::value(read))
            .col_expr(job_run::Column::Emitted, Expr::value(emitted))
            .col_expr(job_run::Column::AlreadyEmitted, Expr::value(already_emitted))
            .col_expr(job_run::Column::Skipped, Expr::value(skipped))
    }

    pub(super) fn set_of_attempt(
        self,
        update: UpdateMany<job_attempt::Entity>,
    ) -> UpdateMany<job_attempt::Entity> {
        let [read, emitted, already_emitted, skipped] = self.columns();
        update
            .col_expr(job_attempt::Column::ReadCount, Expr::value(read))
            .col_expr(job_attempt::Column::Emitted, Expr::value(emitted))
            .col_expr(job_attempt::Column::AlreadyEmitted, Expr::value(already_emitted))
            .col_expr(job_attempt::Column::Skipped, Expr::value(skipped))
    }
}
