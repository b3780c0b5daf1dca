use domain::preferences::Preferences;
use proto_schemas::UserId;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::{AsOf, close};
use crate::entity::{preferences, user};
use crate::error::Attempting;
use crate::projection::sequence_from;
use crate::{Store, StoreError};

/// What a person wants to be alerted of, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPreferences {
    /// What they want.
    pub preferences: Preferences,
    /// Of the event that said so.
    pub sequence: u64,
}

impl Store {
    /// What a person wants to be alerted of; nothing where they never said.
    ///
    /// # Errors
    ///
    /// Also [`StoreError::Stored`], where they are stored in a form that this version does not read.
    pub async fn preferences(&self, user: &UserId) -> Result<AsOf<Option<StoredPreferences>>, StoreError> {
        let attempted = "reading preferences";
        let snapshot = self.begin_inbox_snapshot().await.attempting(attempted)?;
        let value = stored_preferences(&snapshot, user).await?;
        Ok(AsOf {
            value,
            position: close(snapshot).await?,
        })
    }

    /// The IANA name of the zone that the catalogue has for a person.
    pub async fn time_zone_of(&self, user: &UserId) -> Result<Option<String>, StoreError> {
        let zone = user::Entity::find()
            .select_only()
            .column(user::Column::TimeZone)
            .filter(user::Column::Id.eq(user.as_str()))
            .into_tuple::<Option<String>>()
            .one(self.connection())
            .await;
        Ok(zone.attempting("reading the zone of a user")?.flatten())
    }
}

pub(super) async fn stored_preferences(
    snapshot: &impl ConnectionTrait,
    user: &UserId,
) -> Result<Option<StoredPreferences>, StoreError> {
    let row = preferences::Entity::find_by_id(user.as_str())
        .one(snapshot)
        .await
        .attempting("reading preferences")?;
    row.map(|row| {
        Ok(StoredPreferences {
            preferences: row.read()?,
            sequence: sequence_from(row.sequence),
        })
    })
    .transpose()
}

impl preferences::Model {
    /// What it says.
    pub(crate) fn read(&self) -> Result<Preferences, StoreError> {
        let message = serde_json::from_str(&self.preferences).ok();
        message
            .and_then(|message| Preferences::from_message(message).ok())
            .ok_or_else(|| StoreError::Stored {
                row: format!("preferences {}", self.user_id),
                column: "preferences",
                found: self.preferences.clone(),
            })
    }
}
