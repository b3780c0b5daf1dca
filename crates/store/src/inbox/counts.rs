//! Counts of an inbox.
//!
//! A person's own lines are counted by partial indexes that hold only what counts. Of announcements, all are counted and
//! those taken away that the person is done with: that passes over an index entry for each announcement there ever was
//! and for each that the person touched, a matter of microseconds for a hundred and of some milliseconds for ten
//! thousand.

use proto_schemas::UserId;
use sea_orm::sea_query::{Asterisk, Expr, ExprTrait as _, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, QueryTrait,
    Select,
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
        let snapshot = self.begin_snapshot().await.attempting(attempted)?;
        let value = counts(&snapshot, user).await.attempting(attempted)?;
        Ok(AsOf {
            value,
            position: close(snapshot).await?,
        })
    }

    /// Whether any line of a person's inbox is unread.
    pub async fn unread_exists(&self, user: &UserId) -> Result<AsOf<bool>, StoreError> {
        let attempted = "looking for unread notifications";
        let snapshot = self.begin_snapshot().await.attempting(attempted)?;
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
    own_unread: i64,
    own_unseen: i64,
    general: i64,
    done: i64,
    seen: i64,
}

/// All counts, by one statement.
pub(super) async fn counts(snapshot: &impl ConnectionTrait, user: &UserId) -> Result<Counts, DbErr> {
    let own = |state| {
        let lines = notification::Entity::find().filter(notification::Column::UserId.eq(user.as_str()));
        number(lines.filter(OWN.are(state)))
    };
    let touched = |states| {
        let touched =
            announcement_state::Entity::find().filter(announcement_state::Column::UserId.eq(user.as_str()));
        number(touched.filter(GENERAL.are(states).not()))
    };
    let counting = Query::select()
        .expr_as(own(StateFilter::Unread), "own_unread")
        .expr_as(own(StateFilter::Unseen), "own_unseen")
        .expr_as(number(announcement::Entity::find()), "general")
        .expr_as(touched(StateFilter::Unread), "done")
        .expr_as(touched(StateFilter::Unseen), "seen")
        .take();
    let row = Row::find_by_statement(snapshot.get_database_backend().build(&counting));
    let row = row.one(snapshot).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("counts".to_owned()))?;
    // Sums of counts of one snapshot: nothing is done with an announcement that is not there.
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    Ok(Counts {
        unread: count(row.own_unread + row.general - row.done),
        unseen: count(row.own_unseen + row.general - row.seen),
    })
}

fn number<E: EntityTrait>(lines: Select<E>) -> Expr {
    let mut count: SelectStatement = lines.select_only().into_query();
    count.expr(Expr::col(Asterisk).count());
    Expr::SubQuery(None, Box::new(count.into()))
}
