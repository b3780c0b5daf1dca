use std::collections::HashSet;

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::entity::{announcement, notification, set_aside};
use crate::error::Attempting;
use crate::{Store, StoreError};

/// How many ids one statement asks for.
const IDS_A_STATEMENT: usize = 10_000;

impl Store {
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
