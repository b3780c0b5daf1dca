use chrono::{DateTime, Utc};
use domain::notice::OutcomeReader;
use domain::settlement::{Outcome, Reward};
use sea_orm::sea_query::{Expr, Query, UnionType};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, QueryTrait,
};

use super::readers::Ending;
use super::{Decision, FundingError};
use crate::Store;
use crate::entity::{follow, funding, pledge};
use crate::error::Attempting;
use crate::instant::stored;

/// What a run would tell of a funding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// What becomes of it, or became.
    pub outcome: Outcome,
    /// How many people are told: its maker, its backers and its followers, each once.
    pub people: u64,
    /// How many of them are told of a coupon too.
    pub coupons: u64,
    /// The first of them, in the order of their ids.
    pub first: Vec<OutcomeReader>,
}

impl Store {
    /// What a run as of `at` would do about a funding, with the first `limit` people it concerns. Changes nothing.
    ///
    /// Of a settled funding it is what was stored; of an open one past its deadline, what settling now would decide.
    /// Nothing where there is nothing to tell.
    pub async fn preview_settlement(
        &self,
        funding_id: &str,
        at: DateTime<Utc>,
        reward: &Reward,
        limit: u64,
    ) -> Result<Option<Preview>, FundingError> {
        let Some(funding) = self.funding(funding_id).await? else {
            return Ok(None);
        };
        let at = stored(at);
        let ending = if funding.settled_at.is_some() {
            Ending::stored(&funding)?
        } else if super::is_due(&funding, at) {
            let decision = Decision::upon(self.connection(), &funding).await?;
            Some(Ending::foreseen(&funding, &decision, reward, at)?)
        } else {
            None
        };
        let Some(ending) = ending else {
            return Ok(None);
        };
        let (people, backers) = self
            .count_concerned(&funding)
            .await
            .attempting("counting whom an outcome concerns")?;
        Ok(Some(Preview {
            outcome: ending.outcome,
            people,
            coupons: match ending.outcome {
                Outcome::Succeeded => backers,
                Outcome::Failed => 0,
            },
            first: ending.readers(self, None, limit).await?,
        }))
    }

    /// How many people there are in all, and how many of them are backers.
    async fn count_concerned(&self, funding: &funding::Model) -> Result<(u64, u64), DbErr> {
        let backers = pledge::Entity::find().filter(pledge::Column::FundingId.eq(funding.id.as_str()));
        let followers = follow::Entity::find().filter(follow::Column::FundingId.eq(funding.id.as_str()));
        let count = backers.clone().count(self.connection()).await?;
        let followers = followers
            .select_only()
            .column(follow::Column::UserId)
            .into_query();
        let mut concerned = backers.select_only().column(pledge::Column::UserId).into_query();
        concerned.union(UnionType::Distinct, followers);
        if let Some(maker) = &funding.maker_id {
            let maker = Query::select().expr(Expr::val(maker.as_str())).take();
            concerned.union(UnionType::Distinct, maker);
        }
        let all = Query::select()
            .expr(Expr::cust("COUNT(*)"))
            .from_subquery(concerned, "concerned")
            .take();
        let row = self.connection().query_one(&all).await?;
        let people = row.map_or(Ok(0), |row| row.try_get_by_index::<i64>(0))?;
        Ok((people.unsigned_abs(), count))
    }
}
