use std::collections::HashSet;

use domain::inbox::State;
use proto_schemas::UserId;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, JoinType, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::list::states_of;
use super::{AsOf, close};
use crate::entity::{announcement, announcement_state, notification};
use crate::error::Attempting;
use crate::{Store, StoreError};

impl Store {
    /// What a person did with the notifications of these events, in no particular order. Those that are not in their inbox
    /// are missing.
    ///
    /// All ids go into one statement: at most a few thousand.
    pub async fn notification_states(
        &self,
        user: &UserId,
        ids: &[Uuid],
    ) -> Result<AsOf<Vec<(Uuid, State)>>, StoreError> {
        let attempted = "reading states of notifications";
        let snapshot = self.begin_inbox_snapshot().await.attempting(attempted)?;
        let mut value = own_states(&snapshot, user, ids).await.attempting(attempted)?;
        let own: HashSet<Uuid> = value.iter().map(|(id, _)| *id).collect();
        let others: Vec<Uuid> = ids.iter().copied().filter(|id| !own.contains(id)).collect();
        if !others.is_empty() {
            let general = general_states(&snapshot, user, &others).await;
            value.extend(general.attempting(attempted)?);
        }
        Ok(AsOf {
            value,
            position: close(snapshot).await?,
        })
    }
}

async fn own_states(
    snapshot: &impl ConnectionTrait,
    user: &UserId,
    ids: &[Uuid],
) -> Result<Vec<(Uuid, State)>, DbErr> {
    let rows = notification::Entity::find()
        .filter(notification::Column::UserId.eq(user.as_str()))
        .filter(notification::Column::EventId.is_in(ids.iter().copied()))
        .all(snapshot)
        .await?;
    Ok(rows.iter().map(|row| (row.event_id, State::from(row))).collect())
}

async fn general_states(
    snapshot: &impl ConnectionTrait,
    user: &UserId,
    ids: &[Uuid],
) -> Result<Vec<(Uuid, State)>, DbErr> {
    let rows = announcement::Entity::find()
        .join(JoinType::LeftJoin, states_of(user))
        .select_also(announcement_state::Entity)
        .filter(announcement::Column::EventId.is_in(ids.iter().copied()))
        .all(snapshot)
        .await?;
    let state =
        |state: Option<announcement_state::Model>| state.as_ref().map(State::from).unwrap_or_default();
    Ok(rows
        .into_iter()
        .map(|(row, touched)| (row.event_id, state(touched)))
        .collect())
}
