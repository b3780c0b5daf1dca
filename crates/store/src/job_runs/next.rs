use chrono::{DateTime, Utc};
use domain::misfire::{Gap, Plan, Skip};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
};

use super::attempt::begin;
use super::{Lease, Planning, RunStart, State, WindowStart, accounts, clock};
use crate::entity::{job, job_run};
use crate::error::Attempting;
use crate::{Store, StoreError};

/// What a job has to do now.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// An attempt at this run has begun.
    Claimed(Box<RunStart>),
    /// The earliest unfinished run may not be taken, and no other before it is done.
    Busy {
        /// Who is at it; nobody while it is in back-off.
        owner: Option<String>,
        /// When it may be taken, unless its owner renews the lease.
        until: DateTime<Utc>,
    },
    /// Nothing may begin until somebody resumes the job.
    Paused,
    /// Nothing is due.
    Nothing,
}

/// What a look at a job's schedule found and recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// What there is to do.
    pub next: Next,
    /// The instants that were found to have no run, as now recorded.
    pub skipped: Vec<Skip>,
    /// Every scheduled instant up to here has its run or its skip. Where that is before [`Look::now`], the job was busy or
    /// paused, or one plan did not reach so far and the next look goes on.
    pub accounted_until: DateTime<Utc>,
    /// The instant of the look.
    pub now: DateTime<Utc>,
}

const ATTEMPTED: &str = "looking for the next run of a job";

impl Store {
    /// Accounts for what has been scheduled since the last look, and begins an attempt at the earliest run that is not
    /// finished. One run of a job comes after the other.
    ///
    /// What it changes, it changes in one transaction with the job's row locked: of two that look at once, one sees what
    /// the other did. A look that finds nothing to change locks nothing and costs three reads.
    ///
    /// A job that is seen for the first time begins now: nothing that was scheduled before is due. An instant that a
    /// person has run already counts as having its run. A paused job begins no run; one that has begun goes on.
    pub async fn next_run(
        &self,
        job: &str,
        lease: &Lease,
        window: &WindowStart<'_>,
        plan: &Planning<'_>,
    ) -> Result<Look, StoreError> {
        let now = clock::now(self.connection()).await.attempting(ATTEMPTED)?;
        let seen = Seen::read(self.connection(), job, now)
            .await
            .attempting(ATTEMPTED)?;
        if let Decision::Rest(rest) = seen.decide(Some(plan)) {
            return Ok(rest.look(&seen, Vec::new()));
        }
        let transaction = self.begin_write().await.attempting(ATTEMPTED)?;
        let look = act(&transaction, job, lease, window, plan).await?;
        transaction.commit().await.attempting(ATTEMPTED)?;
        Ok(look)
    }
}

async fn act(
    transaction: &DatabaseTransaction,
    job: &str,
    lease: &Lease,
    window: &WindowStart<'_>,
    planning: &Planning<'_>,
) -> Result<Look, StoreError> {
    accounts::locked_job(transaction, job)
        .await
        .attempting(ATTEMPTED)?;
    // After the wait for the lock, and the same to the end: what is accounted for is what the look found.
    let now = clock::now(transaction).await.attempting(ATTEMPTED)?;
    // Nothing while no plan has been made. There is one a look: the job's row is locked meanwhile.
    let mut skipped = None;
    loop {
        let seen = Seen::read(transaction, job, now).await.attempting(ATTEMPTED)?;
        match seen.decide(skipped.is_none().then_some(planning)) {
            Decision::FirstSeen => {}
            Decision::Rest(rest) => return Ok(rest.look(&seen, skipped.unwrap_or_default())),
            Decision::Account { gap, plan } => {
                let recorded = accounts::record(transaction, job, &gap, plan, planning).await;
                skipped = Some(recorded.attempting(ATTEMPTED)?);
            }
            Decision::Take { run, accounted_until } => {
                if lock_as_seen(transaction, &run).await.attempting(ATTEMPTED)? {
                    let start = begin(transaction, run, lease, window, seen.now).await?;
                    let next = Next::Claimed(Box::new(start));
                    let rest = Rest {
                        next,
                        accounted_until,
                    };
                    return Ok(rest.look(&seen, skipped.unwrap_or_default()));
                }
            }
        }
    }
}

/// Locks a run's row and says whether it is still as it was read. Its owner, or a person who takes it, does not wait for
/// the job's row.
async fn lock_as_seen(transaction: &DatabaseTransaction, seen: &job_run::Model) -> Result<bool, DbErr> {
    let locked = job_run::Entity::find_by_id(seen.id)
        .lock_exclusive()
        .one(transaction)
        .await?;
    Ok(locked.as_ref() == Some(seen))
}

fn unfinished(job: &str) -> Select<job_run::Entity> {
    job_run::Entity::find()
        .filter(job_run::Column::Job.eq(job))
        .filter(job_run::Column::FinishedAt.is_null())
        .order_by_asc(job_run::Column::ScheduledAt)
}

/// What a decision is made of.
struct Seen {
    job: Option<job::Model>,
    /// The earliest unfinished run that the job may go on with.
    earliest: Option<job_run::Model>,
    now: DateTime<Utc>,
}

enum Decision {
    /// The job is to be recorded first.
    FirstSeen,
    /// Nothing is to be changed.
    Rest(Rest),
    Account {
        gap: Gap,
        plan: Plan,
    },
    Take {
        run: job_run::Model,
        accounted_until: DateTime<Utc>,
    },
}

struct Rest {
    next: Next,
    accounted_until: DateTime<Utc>,
}

impl Seen {
    async fn read(connection: &impl ConnectionTrait, name: &str, now: DateTime<Utc>) -> Result<Self, DbErr> {
        let job = job::Entity::find_by_id(name).one(connection).await?;
        let mut earliest = unfinished(name);
        if job.as_ref().is_some_and(job::Model::is_paused) {
            earliest = earliest.filter(job_run::Column::State.eq(State::Running.as_str()));
        }
        Ok(Self {
            job,
            earliest: earliest.one(connection).await?,
            now,
        })
    }

    /// What is to be done, without a plan where none is given.
    fn decide(&self, planning: Option<&Planning<'_>>) -> Decision {
        let Some(job) = &self.job else {
            return Decision::FirstSeen;
        };
        let rest = |next| Rest {
            next,
            accounted_until: job.accounted_until,
        };
        if let Some(run) = &self.earliest {
            return match run.leased_until {
                Some(until) if until > self.now => {
                    let owner = run.owner.clone();
                    Decision::Rest(rest(Next::Busy { owner, until }))
                }
                _ => Decision::Take {
                    run: run.clone(),
                    accounted_until: job.accounted_until,
                },
            };
        }
        if job.is_paused() {
            return Decision::Rest(rest(Next::Paused));
        }
        let Some((planning, gap)) = planning.zip(accounts::gap(job, self.now)) else {
            return Decision::Rest(rest(Next::Nothing));
        };
        let plan = planning(&gap);
        if accounts::is_worth_recording(&gap, &plan) {
            return Decision::Account { gap, plan };
        }
        Decision::Rest(Rest {
            next: Next::Nothing,
            accounted_until: plan.accounted_until,
        })
    }
}

impl Rest {
    fn look(self, seen: &Seen, skipped: Vec<Skip>) -> Look {
        Look {
            next: self.next,
            skipped,
            accounted_until: self.accounted_until,
            now: seen.now,
        }
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::{DbBackend, QueryTrait, Statement};
    use tempfile::TempDir;
    use test_support::postgres::Postgres;

    use super::*;
    use crate::Settings;

    /// A year of a job that runs every ten minutes, and whose last run goes on.
    async fn a_year_of_runs(url: String) -> Store {
        let settings = Settings {
            url,
            ..Settings::default()
        };
        let store = Store::connect(&settings).await.unwrap();
        store.migrate().await.unwrap();
        let connection = store.connection();
        let (id, instant) = match connection.get_database_backend() {
            DbBackend::Postgres => (
                "gen_random_uuid()",
                "timestamptz '2025-11-22T00:00:00Z' + n * interval '10 minutes'",
            ),
            _ => (
                "randomblob(16)",
                "strftime('%Y-%m-%dT%H:%M:%S+00:00', 1763769600 + n * 600, 'unixepoch')",
            ),
        };
        let fill = format!(
            "INSERT INTO job_runs (id, job, scheduled_at, window_start, state, created_at, finished_at)
             WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 50000)
             SELECT {id}, 'alert-due', {instant}, {instant}, 'succeeded', {instant},
                    CASE WHEN n < 50000 THEN {instant} END FROM counted"
        );
        connection.execute_unprepared(&fill).await.unwrap();
        connection.execute_unprepared("ANALYZE").await.unwrap();
        store
    }

    async fn explained(store: &Store, command: &str, columns: &str) -> String {
        let connection = store.connection();
        let query = unfinished("alert-due")
            .limit(1)
            .build(connection.get_database_backend());
        let explain = Statement {
            sql: format!("{command} {}", query.sql),
            ..query
        };
        let rows = connection.query_all_raw(explain).await.unwrap();
        let lines = rows.iter().map(|row| row.try_get::<String>("", columns).unwrap());
        lines.collect::<Vec<_>>().join("\n")
    }

    #[tokio::test]
    async fn a_look_passes_over_no_finished_runs_on_sqlite() {
        let folder = TempDir::new().unwrap();
        let store = a_year_of_runs(format!("sqlite:{}/x.db", folder.path().display())).await;
        let plan = explained(&store, "EXPLAIN QUERY PLAN", "detail").await;
        assert_eq!(plan, "SEARCH job_runs USING INDEX job_runs_unfinished (job=?)");
    }

    #[tokio::test]
    async fn a_look_passes_over_no_finished_runs_on_postgresql() {
        let Some(server) = Postgres::start().await else {
            return;
        };
        let store = a_year_of_runs(server.url().to_owned()).await;
        let plan = explained(&store, "EXPLAIN", "QUERY PLAN").await;
        assert!(plan.contains("Index Scan using job_runs_unfinished"), "{plan}");
        assert!(!plan.contains("Sort") && !plan.contains("Filter"), "{plan}");
    }
}
