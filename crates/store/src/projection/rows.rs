use chrono::Utc;
use domain::entry::Told;
use domain::notification::Notification;
use domain::preferences::Silence;
use proto_schemas::UserId;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, ConnectionTrait, DatabaseTransaction, DbErr, Insert, QueryTrait};

use super::{Logged, SetAside, sequence_to};
use crate::entity::{announcement, notification, set_aside};
use crate::instant::stored;

/// How many rows one statement writes. With some fifteen values for each, well below the 32,766 that SQLite binds.
pub(super) const ROWS_A_STATEMENT: usize = 1000;

pub(crate) async fn insert<A: ActiveModelTrait>(
    transaction: &DatabaseTransaction,
    table: &'static str,
    mut rows: Vec<A>,
    on_conflict: &OnConflict,
) -> Result<(), DbErr> {
    while !rows.is_empty() {
        let rest = rows.split_off(rows.len().min(ROWS_A_STATEMENT));
        let mut insert = Insert::many(rows).on_conflict(on_conflict.clone()).into_query();
        transaction.execute(insert.into_table(table)).await?;
        rows = rest;
    }
    Ok(())
}

/// What one person is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Personal<'a> {
    pub(crate) user: &'a UserId,
    pub(crate) sequence: u64,
    pub(crate) notification: &'a Notification,
    pub(crate) silence: Option<Silence>,
}

/// Nothing was done with it yet.
pub(crate) fn personal(told: &Personal<'_>) -> notification::ActiveModel {
    let row = told.notification;
    notification::ActiveModel {
        event_id: Set(row.event_id),
        user_id: Set(told.user.as_str().to_owned()),
        sequence: Set(sequence_to(told.sequence)),
        event_type: Set(row.event_type.clone()),
        subject: Set(row.subject.clone()),
        title: Set(row.title.clone()),
        body: Set(row.body.clone()),
        locale: Set(row.locale.clone()),
        occurred_at: Set(stored(row.occurred_at)),
        expires_at: Set(row.expires_at.map(stored)),
        silenced: Set(told.silence.map(|silence| silence.as_str().to_owned())),
        seen_at: NotSet,
        read_at: NotSet,
        archived_at: NotSet,
    }
}

pub(crate) fn general(logged: &Logged, told: &Told) -> announcement::ActiveModel {
    let row = &told.notification;
    announcement::ActiveModel {
        event_id: Set(row.event_id),
        sequence: Set(sequence_to(logged.sequence)),
        event_type: Set(row.event_type.clone()),
        subject: Set(row.subject.clone()),
        title: Set(row.title.clone()),
        body: Set(row.body.clone()),
        locale: Set(row.locale.clone()),
        occurred_at: Set(stored(row.occurred_at)),
        expires_at: Set(row.expires_at.map(stored)),
        words: Set(serde_json::json!(told.translations).to_string()),
        link: Set(told.link.clone()),
        stored_at: Set(stored(logged.stored_at)),
    }
}

pub(crate) fn unreadable(message: &SetAside) -> set_aside::ActiveModel {
    set_aside::ActiveModel {
        sequence: Set(sequence_to(message.sequence)),
        subject: Set(message.subject.clone()),
        payload: Set(message.payload.clone()),
        reason: Set(message.reason.clone()),
        set_aside_at: Set(stored(Utc::now())),
    }
}
