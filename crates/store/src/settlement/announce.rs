use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::entity::funding;
use crate::error::Attempting;
use crate::instant::stored;
use crate::{Store, StoreError};

/// A funding that was settled and whose outcome not everybody has been told yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledFunding {
    /// The funding.
    pub funding_id: String,
    /// The instant it was settled as of.
    pub settled_at: DateTime<Utc>,
}

impl Store {
    /// At most `limit` fundings that are settled and not announced, in the order of their ids.
    pub async fn unannounced_fundings(
        &self,
        last: Option<&str>,
        limit: u64,
    ) -> Result<Vec<SettledFunding>, StoreError> {
        let mut page = funding::Entity::find()
            .select_only()
            .columns([funding::Column::Id, funding::Column::SettledAt])
            .filter(funding::Column::SettledAt.is_not_null())
            .filter(funding::Column::AnnouncedAt.is_null())
            .order_by_asc(funding::Column::Id)
            .limit(limit);
        if let Some(id) = last {
            page = page.filter(funding::Column::Id.gt(id));
        }
        let rows: Vec<(String, DateTime<Utc>)> = page
            .into_tuple()
            .all(self.connection())
            .await
            .attempting("reading unannounced fundings")?;
        Ok(rows
            .into_iter()
            .map(|(funding_id, settled_at)| SettledFunding {
                funding_id,
                settled_at,
            })
            .collect())
    }

    /// When the oldest funding that is settled and not announced was settled.
    pub async fn oldest_unannounced(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        funding::Entity::find()
            .select_only()
            .column(funding::Column::SettledAt)
            .filter(funding::Column::SettledAt.is_not_null())
            .filter(funding::Column::AnnouncedAt.is_null())
            .order_by_asc(funding::Column::SettledAt)
            .limit(1)
            .into_tuple()
            .one(self.connection())
            .await
            .attempting("reading the oldest unannounced funding")
    }

    /// Records that everybody concerned has been told of a settled funding. The first instant stays.
    pub async fn mark_announced(&self, funding_id: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
        funding::Entity::update_many()
            .col_expr(funding::Column::AnnouncedAt, Expr::value(stored(at)))
            .filter(funding::Column::Id.eq(funding_id))
            .filter(funding::Column::SettledAt.is_not_null())
            .filter(funding::Column::AnnouncedAt.is_null())
            .exec(self.connection())
            .await
            .attempting("marking a funding as announced")?;
        Ok(())
    }
}
