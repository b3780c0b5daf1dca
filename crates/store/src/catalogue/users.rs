use domain::catalogue::User;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;

use super::upsert::{DefaultColumn, Row, new_or_stored, upsert};
use crate::entity::user::{ActiveModel, Column};
use crate::error::Attempting;
use crate::{Store, StoreError};

impl Store {
    /// Adds users or brings them up to date, all or none. What a row does not say stays as it is.
    pub async fn upsert_users(&self, users: &[User]) -> Result<(), StoreError> {
        upsert(self, users).await.attempting("writing users")
    }
}

impl Row for User {
    type Key = String;
    type Active = ActiveModel;

    fn key(&self) -> Self::Key {
        self.id.as_str().to_owned()
    }

    fn inherit(&mut self, earlier: &Self) {
        self.locale = self.locale.take().or_else(|| earlier.locale.clone());
        self.time_zone = self.time_zone.or(earlier.time_zone);
        self.email = self.email.take().or_else(|| earlier.email.clone());
        self.phone = self.phone.take().or_else(|| earlier.phone.clone());
    }

    fn default_column(&self) -> DefaultColumn {
        DefaultColumn::Given
    }

    fn active(&self) -> ActiveModel {
        ActiveModel {
            id: Set(self.id.as_str().to_owned()),
            locale: Set(self.locale.as_ref().map(ToString::to_string)),
            time_zone: Set(self.time_zone.map(|zone| zone.name().to_owned())),
            email: Set(self.email.clone()),
            phone: Set(self.phone.clone()),
        }
    }

    fn on_conflict(_: DefaultColumn) -> OnConflict {
        let kept = |column| new_or_stored("users", column);
        OnConflict::column(Column::Id)
            .value(Column::Locale, kept("locale"))
            .value(Column::TimeZone, kept("time_zone"))
            .value(Column::Email, kept("email"))
            .value(Column::Phone, kept("phone"))
            .to_owned()
    }
}
