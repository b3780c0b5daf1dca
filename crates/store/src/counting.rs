//! How much there is, and who: for people who look at a running system.

use sea_orm::{DbErr, EntityTrait, PaginatorTrait, QueryOrder, QuerySelect};

use crate::entity::{alert, coupon, follow, funding, notification, pledge, user};
use crate::error::Attempting;
use crate::{Store, StoreError};

/// A table whose rows can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    /// Users.
    Users,
    /// Fundings.
    Fundings,
    /// Pledges.
    Pledges,
    /// Follows.
    Follows,
    /// Coupons.
    Coupons,
    /// Reminders.
    Alerts,
    /// Notifications for one person each.
    Notifications,
}

/// A user as the tables have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// Who.
    pub id: String,
    /// BCP 47 tag, if known.
    pub locale: Option<String>,
    /// IANA name, if known.
    pub time_zone: Option<String>,
}

impl Store {
    /// How many rows a table has. Reads all of its index.
    pub async fn count(&self, table: Table) -> Result<u64, StoreError> {
        self.rows_of(table).await.attempting("counting rows")
    }

    async fn rows_of(&self, table: Table) -> Result<u64, DbErr> {
        let connection = self.connection();
        match table {
            Table::Users => user::Entity::find().count(connection).await,
            Table::Fundings => funding::Entity::find().count(connection).await,
            Table::Pledges => pledge::Entity::find().count(connection).await,
            Table::Follows => follow::Entity::find().count(connection).await,
            Table::Coupons => coupon::Entity::find().count(connection).await,
            Table::Alerts => alert::Entity::find().count(connection).await,
            Table::Notifications => notification::Entity::find().count(connection).await,
        }
    }

    /// The first `limit` users in the order of their ids.
    pub async fn list_users(&self, limit: u64) -> Result<Vec<UserRecord>, StoreError> {
        let users = user::Entity::find()
            .order_by_asc(user::Column::Id)
            .limit(limit)
            .all(self.connection())
            .await
            .attempting("reading users")?;
        let record = |user: user::Model| UserRecord {
            id: user.id,
            locale: user.locale,
            time_zone: user.time_zone,
        };
        Ok(users.into_iter().map(record).collect())
    }
}
