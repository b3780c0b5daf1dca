//! What a person sees: their own notifications and what was announced to everybody.
//!
//! Every answer carries the position of the projection it was read at, from the same snapshot: whoever was just told
//! of an event can see whether it is in there already.
//!
//! What has expired still counts as unread. A count that fell by itself, as time passes, could not be kept by a client
//! that counts along with the events it gets.

use std::cmp::Reverse;
use std::collections::HashSet;

use chrono::{DateTime, Utc};
use domain::notification::Notification;
use proto_schemas::UserId;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};
use uuid::Uuid;

use crate::entity::{announcement, notification, set_aside};
use crate::error::Attempting;
use crate::projection::{NOTIFICATIONS, Position, position, sequence_from, sequence_to};
use crate::{Store, StoreError};

/// How many ids one statement asks for.
const IDS_A_STATEMENT: usize = 10_000;

/// An answer with the position it is current to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsOf<T> {
    /// The answer.
    pub value: T,
    /// Everything up to here is in it; nothing where nothing was ever projected.
    pub position: Option<Position>,
}

/// One line of an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxRow {
    /// Its sequence in the log; newer ones are greater.
    pub sequence: u64,
    /// To whom it was said.
    pub audience: Audience,
    /// What was said.
    pub notification: Notification,
    /// When it was read.
    pub read_at: Option<DateTime<Utc>>,
}

/// To whom something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Audience {
    /// To this one person.
    Personal,
    /// To everybody.
    Everybody,
}

impl Store {
    /// At most `limit` lines of a person's inbox below `before`, newest first.
    pub async fn list_notifications(
        &self,
        user: &UserId,
        before: Option<u64>,
        limit: u64,
    ) -> Result<AsOf<Vec<InboxRow>>, StoreError> {
        let attempted = "reading notifications";
        let before = before.map_or(i64::MAX, sequence_to);
        let snapshot = self.begin_snapshot().await.attempting(attempted)?;
        let own = own_page(&snapshot, user, before, limit)
            .await
            .attempting(attempted)?;
        let general = general_page(&snapshot, before, limit)
            .await
            .attempting(attempted)?;
        let position = close(snapshot).await?;
        let mut value: Vec<InboxRow> = own
            .into_iter()
            .map(InboxRow::from)
            .chain(general.into_iter().map(InboxRow::from))
            .collect();
        // The newest `limit` of both are among the newest `limit` of each.
        value.sort_unstable_by_key(|row| Reverse(row.sequence));
        value.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(AsOf { value, position })
    }

    /// How many lines of a person's inbox are unread.
    pub async fn unread_count(&self, user: &UserId) -> Result<AsOf<u64>, StoreError> {
        let attempted = "counting unread notifications";
        let snapshot = self.begin_snapshot().await.attempting(attempted)?;
        let own = unread(user).count(&snapshot).await.attempting(attempted)?;
        let general = announcement::Entity::find()
            .count(&snapshot)
            .await
            .attempting(attempted)?;
        Ok(AsOf {
            value: own + general,
            position: close(snapshot).await?,
        })
    }

    /// Whether any line of a person's inbox is unread.
    pub async fn unread_exists(&self, user: &UserId) -> Result<AsOf<bool>, StoreError> {
        let attempted = "looking for unread notifications";
        let snapshot = self.begin_snapshot().await.attempting(attempted)?;
        let exists = any_unread(&snapshot, user).await.attempting(attempted)?;
        Ok(AsOf {
            value: exists,
            position: close(snapshot).await?,
        })
    }

    /// Which of these events are in the tables.
    pub async fn known_event_ids(&self, ids: &[Uuid]) -> Result<HashSet<Uuid>, StoreError> {
        let attempted = "looking for known events";
        let mut known = HashSet::new();
        for ids in ids.chunks(IDS_A_STATEMENT) {
            let ids = || ids.iter().copied();
            let own = notification::Entity::find()
                .select_only()
                .column(notification::Column::EventId);
            let own = own
                .filter(notification::Column::EventId.is_in(ids()))
                .into_tuple::<Uuid>();
            known.extend(own.all(self.connection()).await.attempting(attempted)?);
            let general = announcement::Entity::find()
                .select_only()
                .column(announcement::Column::EventId);
            let general = general
                .filter(announcement::Column::EventId.is_in(ids()))
                .into_tuple::<Uuid>();
            known.extend(general.all(self.connection()).await.attempting(attempted)?);
        }
        Ok(known)
    }

    /// How many messages of the log could not be read.
    pub async fn set_aside_count(&self) -> Result<u64, StoreError> {
        set_aside::Entity::find()
            .count(self.connection())
            .await
            .attempting("counting messages set aside")
    }
}

/// Reads the position and ends the snapshot.
async fn close(snapshot: DatabaseTransaction) -> Result<Option<Position>, StoreError> {
    let position = position(&snapshot, NOTIFICATIONS).await?;
    snapshot.commit().await.attempting("ending a read")?;
    Ok(position)
}

async fn own_page(
    snapshot: &impl ConnectionTrait,
    user: &UserId,
    before: i64,
    limit: u64,
) -> Result<Vec<notification::Model>, DbErr> {
    notification::Entity::find()
        .filter(notification::Column::UserId.eq(user.as_str()))
        .filter(notification::Column::Sequence.lt(before))
        .order_by_desc(notification::Column::Sequence)
        .limit(limit)
        .all(snapshot)
        .await
}

async fn general_page(
    snapshot: &impl ConnectionTrait,
    before: i64,
    limit: u64,
) -> Result<Vec<announcement::Model>, DbErr> {
    announcement::Entity::find()
        .filter(announcement::Column::Sequence.lt(before))
        .order_by_desc(announcement::Column::Sequence)
        .limit(limit)
        .all(snapshot)
        .await
}

fn unread(user: &UserId) -> sea_orm::Select<notification::Entity> {
    notification::Entity::find()
        .filter(notification::Column::UserId.eq(user.as_str()))
        .filter(notification::Column::ReadAt.is_null())
}

async fn any_unread(snapshot: &impl ConnectionTrait, user: &UserId) -> Result<bool, DbErr> {
    let own = unread(user)
        .select_only()
        .column(notification::Column::EventId)
        .into_tuple::<Uuid>();
    if own.one(snapshot).await?.is_some() {
        return Ok(true);
    }
    let general = announcement::Entity::find()
        .select_only()
        .column(announcement::Column::EventId);
    Ok(general.into_tuple::<Uuid>().one(snapshot).await?.is_some())
}

impl From<notification::Model> for InboxRow {
    fn from(row: notification::Model) -> Self {
        Self {
            sequence: sequence_from(row.sequence),
            audience: Audience::Personal,
            read_at: row.read_at,
            notification: Notification {
                event_id: row.event_id,
                event_type: row.event_type,
                subject: row.subject,
                title: row.title,
                body: row.body,
                locale: row.locale,
                occurred_at: row.occurred_at,
                expires_at: row.expires_at,
            },
        }
    }
}

impl From<announcement::Model> for InboxRow {
    fn from(row: announcement::Model) -> Self {
        Self {
            sequence: sequence_from(row.sequence),
            audience: Audience::Everybody,
            read_at: None,
            notification: Notification {
                event_id: row.event_id,
                event_type: row.event_type,
                subject: row.subject,
                title: row.title,
                body: row.body,
                locale: row.locale,
                occurred_at: row.occurred_at,
                expires_at: row.expires_at,
            },
        }
    }
}
