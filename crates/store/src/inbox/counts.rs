//! Counts of an inbox.
//!
//! A person's own lines are counted by an index that holds only what counts. Of announcements, all are counted and those
//! taken away that the person is done with: that passes over each announcement there ever was and each that the person
//! touched, a matter of microseconds for a hundred and of some milliseconds for ten thousand.

use proto_schemas::UserId;
use sea_orm::sea_query::{Asterisk, Expr, ExprTrait as _, Func, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, QueryTrait,
};
use uuid::Uuid;

use super::list::{GENERAL, OWN};
use super::{AsOf, Counts, StateFilter, close};
use crate::entity::{announcement, announcement_state, notification};
use crate::error::Attempting;
use crate::{Store, StoreError};

impl Store {
    /// How many lines of a person's inbox are unread and unseen.
    pub async fn inbox_counts(&self, user: &UserId) -> Result<AsOf<Counts>, StoreError> {
        let attempted = "counting notifications";
        let snapshot = self.begin_inbox_snapshot().await.attempting(attempted)?;
        let value = counts(&snapshot, user).await.attempting(attempted)?;
        Ok(AsOf {
            value,
            position: close(snapshot).await?,
        })
    }

    /// Whether any line of a person's inbox is unread.
    pub async fn unread_exists(&self, user: &UserId) -> Result<AsOf<bool>, StoreError> {
        let attempted = "looking for unread notifications";
        let snapshot = self.begin_inbox_snapshot().await.attempting(attempted)?;
        let value = any_unread(&snapshot, user).await.attempting(attempted)?;
        Ok(AsOf {
            value,
            position: close(snapshot).await?,
        })
    }
}

async fn any_unread(snapshot: &impl ConnectionTrait, user: &UserId) -> Result<bool, DbErr> {
    let own = notification::Entity::find()
        .select_only()
        .column(notification::Column::EventId)
        .filter(notification::Column::UserId.eq(user.as_str()))
        .filter(OWN.are(StateFilter::Unread))
        .into_tuple::<Uuid>();
    if own.one(snapshot).await?.is_some() {
        return Ok(true);
    }
    Ok(counts(snapshot, user).await?.unread > 0)
}

#[derive(FromQueryResult)]
struct Row {
    /// A person's own lines: unread, and those of them that are seen.
    unread: i64,
    unread_seen: i64,
    announcements: i64,
    /// Announcements with which the person is done, and those that they saw.
    done: i64,
    seen: i64,
}

pub(super) async fn counts(snapshot: &impl ConnectionTrait, user: &UserId) -> Result<Counts, DbErr> {
    let row = Row::find_by_statement(snapshot.get_database_backend().build(&counting(user)));
    let row = row.one(snapshot).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("counts".to_owned()))?;
    // Of one snapshot: nobody is done with an announcement that is not there.
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    Ok(Counts {
        unread: count(row.unread + row.announcements - row.done),
        unseen: count(row.unread - row.unread_seen + row.announcements - row.seen),
    })
}

/// All counts, by one statement.
pub(super) fn counting(user: &UserId) -> SelectStatement {
    let own = notification::Entity::find()
        .select_only()
        .expr_as(Expr::col(Asterisk).count(), "unread")
        .expr_as(Expr::col(notification::Column::SeenAt).count(), "unread_seen")
        .filter(notification::Column::UserId.eq(user.as_str()))
        .filter(OWN.are(StateFilter::Unread));
    let announcements = announcement::Entity::find()
        .select_only()
        .expr_as(Expr::col(Asterisk).count(), "announcements");
    let (read, archived) = (Expr::col(GENERAL.read), Expr::col(GENERAL.archived));
    // What is archived is seen.
    let touched = announcement_state::Entity::find()
        .select_only()
        .expr_as(Expr::from(Func::coalesce([read, archived])).count(), "done")
        .expr_as(Expr::col(GENERAL.seen).count(), "seen")
        .filter(announcement_state::Column::UserId.eq(user.as_str()));
    Query::select()
        .columns(["unread", "unread_seen", "announcements", "done", "seen"])
        .from_subquery(own.into_query(), "own")
        .from_subquery(announcements.into_query(), "general")
        .from_subquery(touched.into_query(), "touched")
        .take()
}
