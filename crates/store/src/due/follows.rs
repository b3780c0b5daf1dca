use chrono::{DateTime, Utc};
use domain::catalogue::FundingStatus;
use domain::due::DueWindow;
use domain::notice::{ClosingFollow, PersonRow};
use sea_orm::{
    ColumnTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationDef, Select,
};
use serde::{Deserialize, Serialize};

use super::{after, habits, with_users};
use crate::entity::{follow, funding, user};
use crate::error::Attempting;
use crate::instant::stored;
use crate::{Store, StoreError};

/// Where a page of follows of closing fundings ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowKey {
    /// When the funding of the last one closes.
    pub closes_at: DateTime<Utc>,
    /// That funding.
    pub funding_id: String,
    /// Who follows it.
    pub user_id: String,
}

impl From<&ClosingFollow> for FollowKey {
    fn from(row: &ClosingFollow) -> Self {
        Self {
            closes_at: row.closes_at,
            funding_id: row.funding_id.clone(),
            user_id: row.follower.user_id.clone(),
        }
    }
}

type Row = (
    String,
    String,
    String,
    DateTime<Utc>,
    Option<String>,
    Option<String>,
);

impl Store {
    /// At most `limit` follows of open fundings that close within the window, the next to close first.
    ///
    /// A page first reads on in the funding where the last one ended, then in the fundings after it. One condition
    /// over both tables would have the database pass over all of a funding's earlier followers for each page.
    pub async fn follows_closing(
        &self,
        window: &DueWindow,
        last: Option<&FollowKey>,
        limit: u64,
    ) -> Result<Vec<ClosingFollow>, StoreError> {
        let mut rows = match last {
            Some(key) => self.closing(rest_of_funding(window, key), limit).await?,
            None => Vec::new(),
        };
        let missing = limit.saturating_sub(rows.len() as u64);
        if missing > 0 {
            rows.extend(self.closing(later_fundings(window, last), missing).await?);
        }
        Ok(rows)
    }

    async fn closing(
        &self,
        page: Select<follow::Entity>,
        limit: u64,
    ) -> Result<Vec<ClosingFollow>, StoreError> {
        let rows = self
            .read_page(page.limit(limit).into_tuple::<Row>())
            .await
            .attempting("reading follows of closing fundings")?;
        Ok(rows.into_iter().map(closing_follow).collect())
    }
}

fn rest_of_funding(window: &DueWindow, key: &FollowKey) -> Select<follow::Entity> {
    open_until(window)
        .filter(funding::Column::ClosesAt.eq(stored(key.closes_at)))
        .filter(follow::Column::FundingId.eq(key.funding_id.as_str()))
        .filter(follow::Column::UserId.gt(key.user_id.as_str()))
        .order_by_asc(follow::Column::UserId)
}

fn later_fundings(window: &DueWindow, last: Option<&FollowKey>) -> Select<follow::Entity> {
    let lower_bound = match last {
        None => funding::Column::ClosesAt.gt(stored(window.after)),
        Some(key) => after(
            [funding::Column::ClosesAt, funding::Column::Id],
            [stored(key.closes_at).into(), key.funding_id.as_str().into()],
        ),
    };
    open_until(window)
        .filter(lower_bound)
        .order_by_asc(funding::Column::ClosesAt)
        .order_by_asc(funding::Column::Id)
        .order_by_asc(follow::Column::UserId)
}

fn open_until(window: &DueWindow) -> Select<follow::Entity> {
    let fundings: RelationDef = follow::Entity::belongs_to(funding::Entity)
        .from(follow::Column::FundingId)
        .to(funding::Column::Id)
        .into();
    with_users(follow::Entity::find(), follow::Column::UserId)
        .join(JoinType::InnerJoin, fundings)
        .select_only()
        .columns([follow::Column::FundingId, follow::Column::UserId])
        .columns([funding::Column::Title, funding::Column::ClosesAt])
        .columns([user::Column::Locale, user::Column::TimeZone])
        .filter(funding::Column::Status.eq(FundingStatus::Open.as_str()))
        .filter(funding::Column::ClosesAt.lte(stored(window.until)))
}

fn closing_follow((funding_id, user_id, funding_title, closes_at, locale, time_zone): Row) -> ClosingFollow {
    ClosingFollow {
        funding_id,
        funding_title,
        closes_at,
        follower: PersonRow {
            user_id,
            habits: habits(locale.as_deref(), time_zone.as_deref()),
        },
    }
}
