use domain::catalogue::Alert;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::OnConflict;

use super::upsert::{DefaultColumn, Row, upsert};
use crate::entity::alert::{ActiveModel, Column};
use crate::error::Attempting;
use crate::{Store, StoreError};

impl Store {
    /// Adds reminders or brings them up to date, all or none. What a row does not say stays as it is.
    pub async fn upsert_alerts(&self, alerts: &[Alert]) -> Result<(), StoreError> {
        upsert(self, alerts).await.attempting("writing alerts")
    }
}

impl Row for Alert {
    type Key = String;
    type Active = ActiveModel;

    fn key(&self) -> Self::Key {
        self.id.clone()
    }

    fn inherit(&mut self, earlier: &Self) {
        self.weekdays = self.weekdays.or(earlier.weekdays);
    }

    fn default_column(&self) -> DefaultColumn {
        DefaultColumn::of(self.weekdays.as_ref())
    }

    fn active(&self) -> ActiveModel {
        ActiveModel {
            id: Set(self.id.clone()),
            user_id: Set(self.user_id.as_str().to_owned()),
            title: Set(self.title.clone()),
            at_minute: Set(self.at.minute().cast_signed()),
            weekdays: self.weekdays.map_or(NotSet, |days| Set(days.bits().into())),
        }
    }

    fn on_conflict(default: DefaultColumn) -> OnConflict {
        let mut update = OnConflict::column(Column::Id);
        update.update_columns([Column::UserId, Column::Title, Column::AtMinute]);
        if default == DefaultColumn::Given {
            update.update_column(Column::Weekdays);
        }
        update
    }
}
