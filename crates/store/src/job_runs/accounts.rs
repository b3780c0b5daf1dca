//! The instant up to which a job's schedule is accounted for, and what moves it.

use chrono::{DateTime, TimeDelta, Utc};
use domain::misfire::{Gap, Plan, Skip};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, Insert, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
};

use super::claim::create;
use super::{Origin, Planning, clock};
use crate::entity::{job, job_run, job_skip};
use crate::instant::stored;

const ROWS_A_STATEMENT: usize = 1000;

/// How far the stored instant may stay behind when no instant was scheduled since. It is moved at all so that a schedule
/// which is changed while nobody runs it finds the instants missed since then, and none that it never had.
const IDLE: TimeDelta = TimeDelta::minutes(1);

/// The job's row, locked until the transaction ends. A job that is seen for the first time begins now: nothing that was
/// scheduled before is due.
pub(super) async fn locked_job(transaction: &DatabaseTransaction, name: &str) -> Result<job::Model, DbErr> {
    let first_seen = job::ActiveModel {
        job: Set(name.to_owned()),
        accounted_until: Set(clock::now(transaction).await?),
        ..Default::default()
    };
    let once = OnConflict::column(job::Column::Job).do_nothing().to_owned();
    transaction
        .execute(&Insert::one(first_seen).on_conflict(once).into_query())
        .await?;
    let row = job::Entity::find_by_id(name)
        .lock_exclusive()
        .one(transaction)
        .await?;
    row.ok_or_else(|| DbErr::RecordNotFound("the job just recorded".to_owned()))
}

/// What is to be accounted for; nothing where the clock is not past what is accounted for already.
pub(super) fn gap(row: &job::Model, now: DateTime<Utc>) -> Option<Gap> {
    let paused = row.pause_began.zip(row.pause_ended);
    (now > row.accounted_until).then_some(Gap {
        accounted_until: row.accounted_until,
        now,
        paused: paused.filter(|(_, ended)| *ended > row.accounted_until),
    })
}

/// Whether a plan says anything that must be kept.
pub(super) fn is_worth_recording(gap: &Gap, plan: &Plan) -> bool {
    !plan.runs.is_empty() || !plan.skips.is_empty() || plan.accounted_until - gap.accounted_until >= IDLE
}

/// Records a run or a skip for every instant of a plan, with the job's row locked. Answers the skips as recorded.
pub(super) async fn record(
    transaction: &DatabaseTransaction,
    name: &str,
    gap: &Gap,
    plan: Plan,
    planning: &Planning<'_>,
) -> Result<Vec<Skip>, DbErr> {
    create(transaction, name, &plan.runs, Origin::Schedule, gap.now).await?;
    let skips = if plan.skips.is_empty() {
        plan.skips
    } else {
        let ran = instants_run(transaction, name, gap, plan.accounted_until).await?;
        let skips = plan.skips.into_iter();
        skips.flat_map(|skip| without(skip, &ran, planning)).collect()
    };
    insert_skips(transaction, name, &skips, gap.now).await?;
    job::Entity::update_many()
        .col_expr(
            job::Column::AccountedUntil,
            Expr::value(stored(plan.accounted_until)),
        )
        .filter(job::Column::Job.eq(name))
        .exec(transaction)
        .await?;
    Ok(skips)
}

/// The instants of a plan that have a run, in order: those that run by it, and those that a person has run already.
async fn instants_run(
    transaction: &DatabaseTransaction,
    name: &str,
    gap: &Gap,
    until: DateTime<Utc>,
) -> Result<Vec<DateTime<Utc>>, DbErr> {
    job_run::Entity::find()
        .select_only()
        .column(job_run::Column::ScheduledAt)
        .filter(job_run::Column::Job.eq(name))
        .filter(job_run::Column::ScheduledAt.gt(gap.accounted_until))
        .filter(job_run::Column::ScheduledAt.lte(until))
        .order_by_asc(job_run::Column::ScheduledAt)
        .into_tuple()
        .all(transaction)
        .await
}

/// What is left of a skip without the instants that have a run.
fn without(skip: Skip, ran: &[DateTime<Utc>], planning: &Planning<'_>) -> Vec<Skip> {
    let within = ran
        .iter()
        .copied()
        .filter(|instant| (skip.first..=skip.last).contains(instant))
        // People may run a job for instants that its schedule does not have.
        .filter(|instant| part(&skip, *instant - MICROSECOND, *instant, planning).is_some());
    let ends: Vec<_> = within.collect();
    if ends.is_empty() {
        return vec![skip];
    }
    let mut left = Vec::new();
    let mut after = skip.first - MICROSECOND;
    for end in ends {
        left.extend(part(&skip, after, end - MICROSECOND, planning));
        after = end;
    }
    left.extend(part(&skip, after, skip.last, planning));
    left
}

/// The finest step between two instants that are stored.
const MICROSECOND: TimeDelta = TimeDelta::microseconds(1);

/// The instants of a skip after one instant and up to another. Which those are, only the schedule knows: each of them is
/// in a plan for that time, as one that runs or one that does not.
fn part(skip: &Skip, after: DateTime<Utc>, until: DateTime<Utc>, planning: &Planning<'_>) -> Option<Skip> {
    let mut part: Option<Skip> = None;
    let mut accounted_until = after;
    while accounted_until < until {
        let plan = planning(&Gap {
            accounted_until,
            now: until,
            paused: None,
        });
        let runs = plan.runs.iter().map(|run| (*run, *run, 1));
        let skips = plan
            .skips
            .iter()
            .map(|skip| (skip.first, skip.last, skip.instants));
        for (first, last, instants) in runs.chain(skips) {
            let part = part.get_or_insert(Skip {
                first,
                last,
                instants: 0,
                ..skip.clone()
            });
            part.first = part.first.min(first);
            part.last = part.last.max(last);
            part.instants += instants;
        }
        if plan.accounted_until <= accounted_until {
            break;
        }
        accounted_until = plan.accounted_until;
    }
    part
}

async fn insert_skips(
    transaction: &DatabaseTransaction,
    name: &str,
    skips: &[Skip],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let model = |skip: &Skip| job_skip::ActiveModel {
        job: Set(name.to_owned()),
        first_at: Set(stored(skip.first)),
        last_at: Set(stored(skip.last)),
        instants: Set(i64::try_from(skip.instants).unwrap_or(i64::MAX)),
        reason: Set(skip.reason.as_str().to_owned()),
        superseded_by: Set(skip.reason.superseded_by().map(stored)),
        paused: Set(skip.paused),
        recorded_at: Set(now),
    };
    for chunk in skips.chunks(ROWS_A_STATEMENT) {
        let insert = Insert::many(chunk.iter().map(model));
        transaction.execute(&insert.into_query()).await?;
    }
    Ok(())
}
