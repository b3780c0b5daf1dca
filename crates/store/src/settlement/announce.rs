use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use crate::entity::funding;
use crate::error::Attempting;
use crate::instant::stored;
use crate::{Store, StoreError};

impl Store {
    /// At most `limit` fundings of whose outcome a run as of `at` tells, by their ids and in the order of those: settled
    /// ones that are not announced, and those that this very run has announced. A run that is done again tells of the
    /// same fundings, and so of people whose rows were mended in between.
    pub async fn fundings_to_announce(
        &self,
        at: DateTime<Utc>,
        last: Option<&str>,
        limit: u64,
    ) -> Result<Vec<String>, StoreError> {
        self.ids_to_announce(at, last, limit)
            .await
            .attempting("reading fundings to announce")
    }

    async fn ids_to_announce(
        &self,
        at: DateTime<Utc>,
        last: Option<&str>,
        limit: u64,
    ) -> Result<Vec<String>, DbErr> {
        let mut ids: Vec<String> = Vec::new();
        for fundings in to_announce(at) {
            let mut page = fundings
                .select_only()
                .column(funding::Column::Id)
                .order_by_asc(funding::Column::Id)
                .limit(limit);
            if let Some(id) = last {
                page = page.filter(funding::Column::Id.gt(id));
            }
            ids.extend(page.into_tuple::<String>().all(self.connection()).await?);
        }
        ids.sort_unstable();
        // Announced between the two reads.
        ids.dedup();
        ids.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(ids)
    }

    /// When the first of the fundings was settled that a run as of `at` tells of.
    pub async fn first_settlement_to_announce(
        &self,
        at: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let mut first = None;
        for fundings in to_announce(at) {
            let settled: Option<DateTime<Utc>> = fundings
                .select_only()
                .column(funding::Column::SettledAt)
                .order_by_asc(funding::Column::SettledAt)
                .limit(1)
                .into_tuple()
                .one(self.connection())
                .await
                .attempting("reading the first funding to announce")?;
            first = [first, settled].into_iter().flatten().min();
        }
        Ok(first)
    }

    /// Records that the run as of `at` has told everybody concerned of a settled funding. The first instant stays.
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

/// Each has an index of its own; in one condition, a database might pass over every funding that was ever announced.
/// The announced ones come last: a funding that is announced in between is then seen twice and not missed.
fn to_announce(at: DateTime<Utc>) -> [Select<funding::Entity>; 2] {
    let settled = || funding::Entity::find().filter(funding::Column::SettledAt.is_not_null());
    [
        settled().filter(funding::Column::AnnouncedAt.is_null()),
        settled().filter(funding::Column::AnnouncedAt.eq(stored(at))),
    ]
}
