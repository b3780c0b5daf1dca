//! What the projector writes: rows and the position they bring the tables to, in one transaction.
//!
//! The transaction begins with a compare-and-set on the position. Two projectors therefore cannot both advance: the
//! second finds the position moved, writes nothing, and is told so.

use chrono::{DateTime, Utc};
use domain::notification::Notification;
use proto_schemas::{Epoch, UserId};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, Insert,
    QueryFilter, QueryTrait,
};

use crate::entity::{announcement, notification, projection_checkpoint as checkpoint, set_aside};
use crate::error::Attempting;
use crate::instant::stored;
use crate::{Store, StoreError};

/// The projection that builds the tables which [`crate::inbox`] reads.
pub const NOTIFICATIONS: &str = "notifications";

/// How many rows one statement writes. With twelve values for each, well below the 32,766 that SQLite binds.
const ROWS_A_STATEMENT: usize = 1000;

/// How far a projection has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// In which log.
    pub epoch: Epoch,
    /// The last sequence that is in the tables; 0 is before the first.
    pub sequence: u64,
}

/// What some messages of the log make of the tables.
#[derive(Debug, Clone, Default)]
pub struct ProjectedBatch {
    /// For one person each, with the sequence it is from.
    pub notifications: Vec<(UserId, u64, Notification)>,
    /// For everybody, with the sequence it is from.
    pub announcements: Vec<(u64, Notification)>,
    /// What could not be read.
    pub set_aside: Vec<SetAside>,
}

/// A message that no row could be made of, kept for somebody to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Its sequence.
    pub sequence: u64,
    /// The subject it is stored under.
    pub subject: String,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// What is wrong with it.
    pub reason: String,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Projected {
    /// It is in the tables, and the position with it.
    Advanced,
    /// Another projector has moved the position; nothing was written.
    Lost,
}

impl Store {
    /// How far a projection has come; nothing where it never began.
    pub async fn projection_position(&self, name: &str) -> Result<Option<Position>, StoreError> {
        position(self.connection(), name).await
    }

    /// Writes a batch and moves the position from `expected` to `new`, or does neither.
    ///
    /// An event whose notification is there already (the log may hold one twice when its duplicate window was too
    /// short) leaves it as it is.
    ///
    /// # Errors
    ///
    /// Another event at a sequence that is taken already. It is refused rather than dropped: sequences of two logs have
    /// met in one table, which must then be built anew.
    pub async fn project(
        &self,
        name: &str,
        expected: Option<&Position>,
        new: &Position,
        batch: &ProjectedBatch,
    ) -> Result<Projected, StoreError> {
        let attempted = "moving the position of a projection";
        let transaction = self.begin_write().await.attempting(attempted)?;
        if advance(&transaction, name, expected, new)
            .await
            .attempting(attempted)?
            == Projected::Lost
        {
            return Ok(Projected::Lost);
        }
        let notifications = batch
            .notifications
            .iter()
            .map(|(user, sequence, row)| personal(user, *sequence, row));
        let by_event = || {
            OnConflict::column(notification::Column::EventId)
                .do_nothing()
                .to_owned()
        };
        insert(&transaction, notifications, by_event)
            .await
            .attempting("writing notifications")?;
        let announcements = batch
            .announcements
            .iter()
            .map(|(sequence, row)| general(*sequence, row));
        insert(&transaction, announcements, by_event)
            .await
            .attempting("writing announcements")?;
        let unread = batch.set_aside.iter().map(unreadable);
        let by_sequence = || {
            OnConflict::column(set_aside::Column::Sequence)
                .do_nothing()
                .to_owned()
        };
        insert(&transaction, unread, by_sequence)
            .await
            .attempting("setting messages aside")?;
        transaction.commit().await.attempting("projecting a batch")?;
        Ok(Projected::Advanced)
    }
}

pub(crate) async fn position(
    connection: &impl ConnectionTrait,
    name: &str,
) -> Result<Option<Position>, StoreError> {
    let row = checkpoint::Entity::find_by_id(name)
        .one(connection)
        .await
        .attempting("reading the position of a projection")?;
    row.map(|row| {
        let epoch = Epoch::new(&row.epoch).map_err(|_| StoreError::Stored {
            row: format!("projection_checkpoint {name}"),
            column: "epoch",
            found: row.epoch.clone(),
        })?;
        Ok(Position {
            epoch,
            sequence: sequence_from(row.sequence),
        })
    })
    .transpose()
}

async fn advance(
    transaction: &DatabaseTransaction,
    name: &str,
    expected: Option<&Position>,
    new: &Position,
) -> Result<Projected, DbErr> {
    let now = stored(Utc::now());
    let moved = match expected {
        Some(old) => {
            let update = checkpoint::Entity::update_many()
                .col_expr(checkpoint::Column::Epoch, Expr::value(new.epoch.as_str()))
                .col_expr(
                    checkpoint::Column::Sequence,
                    Expr::value(sequence_to(new.sequence)),
                )
                .col_expr(checkpoint::Column::UpdatedAt, Expr::value(now))
                .filter(checkpoint::Column::Name.eq(name))
                .filter(checkpoint::Column::Epoch.eq(old.epoch.as_str()))
                .filter(checkpoint::Column::Sequence.eq(sequence_to(old.sequence)));
            update.exec(transaction).await?.rows_affected
        }
        None => {
            let first = first_checkpoint(name, new, now);
            let absent = OnConflict::column(checkpoint::Column::Name)
                .do_nothing()
                .to_owned();
            let insert = Insert::one(first).on_conflict(absent).into_query();
            transaction.execute(&insert).await?.rows_affected()
        }
    };
    Ok(if moved == 1 {
        Projected::Advanced
    } else {
        Projected::Lost
    })
}

fn first_checkpoint(name: &str, new: &Position, now: DateTime<Utc>) -> checkpoint::ActiveModel {
    checkpoint::ActiveModel {
        name: Set(name.to_owned()),
        epoch: Set(new.epoch.as_str().to_owned()),
        sequence: Set(sequence_to(new.sequence)),
        updated_at: Set(now),
    }
}

async fn insert<A: ActiveModelTrait>(
    transaction: &DatabaseTransaction,
    rows: impl Iterator<Item = A>,
    on_conflict: impl Fn() -> OnConflict,
) -> Result<(), DbErr> {
    let rows: Vec<A> = rows.collect();
    for chunk in rows.chunks(ROWS_A_STATEMENT) {
        let insert = Insert::many(chunk.to_vec()).on_conflict(on_conflict());
        transaction.execute(&insert.into_query()).await?;
    }
    Ok(())
}

fn personal(user: &UserId, sequence: u64, row: &Notification) -> notification::ActiveModel {
    notification::ActiveModel {
        event_id: Set(row.event_id),
        user_id: Set(user.as_str().to_owned()),
        sequence: Set(sequence_to(sequence)),
        event_type: Set(row.event_type.clone()),
        subject: Set(row.subject.clone()),
        title: Set(row.title.clone()),
        body: Set(row.body.clone()),
        locale: Set(row.locale.clone()),
        occurred_at: Set(stored(row.occurred_at)),
        expires_at: Set(row.expires_at.map(stored)),
        read_at: NotSet,
    }
}

fn general(sequence: u64, row: &Notification) -> announcement::ActiveModel {
    announcement::ActiveModel {
        event_id: Set(row.event_id),
        sequence: Set(sequence_to(sequence)),
        event_type: Set(row.event_type.clone()),
        subject: Set(row.subject.clone()),
        title: Set(row.title.clone()),
        body: Set(row.body.clone()),
        locale: Set(row.locale.clone()),
        occurred_at: Set(stored(row.occurred_at)),
        expires_at: Set(row.expires_at.map(stored)),
    }
}

fn unreadable(message: &SetAside) -> set_aside::ActiveModel {
    set_aside::ActiveModel {
        sequence: Set(sequence_to(message.sequence)),
        subject: Set(message.subject.clone()),
        payload: Set(message.payload.clone()),
        reason: Set(message.reason.clone()),
        set_aside_at: Set(stored(Utc::now())),
    }
}

/// A sequence as the tables keep it. No log comes near the end of either.
pub(crate) fn sequence_to(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

pub(crate) fn sequence_from(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}
