use chrono::{DateTime, Utc};
use domain::catalogue::{FundingStatus, check_told_title};
use domain::money::Currency;
use domain::notice::{OutcomeReader, PersonRow};
use domain::settlement::{Outcome, Reward};
use sea_orm::{DbErr, EntityTrait};

use super::FundingError;
use super::decision::currency_of;
use super::people::{Coupons, Page, People, Person};
use crate::Store;
use crate::entity::funding;
use crate::error::Attempting;
use crate::money::money;

impl Store {
    /// At most `limit` of the people whom the outcome of a settled funding concerns, in the order of their ids: its
    /// maker, its backers with the coupon they were given, and its followers. Who has several roles is there once, in
    /// the first of them. Nobody where the funding is not settled.
    ///
    /// A funding of which nobody could be told anything is bad as a whole: one in no currency, or with a title that fits
    /// no event.
    pub async fn outcome_readers(
        &self,
        funding_id: &str,
        last: Option<&str>,
        limit: u64,
    ) -> Result<Vec<OutcomeReader>, FundingError> {
        let funding = self.funding(funding_id).await?;
        let Some(funding) = funding.filter(|funding| funding.settled_at.is_some()) else {
            return Ok(Vec::new());
        };
        match Ending::stored(&funding)? {
            Some(ending) => ending.readers(self, last, limit).await,
            None => Ok(Vec::new()),
        }
    }

    pub(super) async fn funding(&self, funding_id: &str) -> Result<Option<funding::Model>, FundingError> {
        let funding = funding::Entity::find_by_id(funding_id)
            .one(self.connection())
            .await
            .attempting("reading a funding")?;
        Ok(funding)
    }
}

/// How a funding ends, as it is told.
pub(super) struct Ending<'a> {
    funding: &'a funding::Model,
    currency: Currency,
    settled_at: DateTime<Utc>,
    collected_minor: i64,
    pub(super) outcome: Outcome,
    coupons: Coupons<'a>,
}

impl<'a> Ending<'a> {
    /// What settlement stored. Nothing where the funding was cancelled since: nobody is told anything.
    pub(super) fn stored(funding: &'a funding::Model) -> Result<Option<Self>, FundingError> {
        let wrong = |reason: &str| FundingError::bad(&funding.id, reason);
        let outcome = match funding.status.parse() {
            Ok(FundingStatus::Succeeded) => Outcome::Succeeded,
            Ok(FundingStatus::Failed) => Outcome::Failed,
            Ok(FundingStatus::Cancelled) => return Ok(None),
            Ok(FundingStatus::Open) => return Err(wrong("status: is open, and the funding is settled")),
            Err(error) => return Err(wrong(&format!("status: {error}"))),
        };
        let settled_at = funding
            .settled_at
            .ok_or_else(|| wrong("settled_at: is missing"))?;
        let collected_minor = funding
            .collected_minor
            .ok_or_else(|| wrong("collected_minor: is missing"))?;
        let currency = currency_of(funding)?;
        let ending = Self {
            funding,
            currency,
            settled_at,
            collected_minor,
            outcome,
            coupons: Coupons::Given,
        };
        ending.tellable().map(Some)
    }

    /// What a settlement as of `at` would store.
    pub(super) fn foreseen(
        funding: &'a funding::Model,
        decision: &super::Decision,
        reward: &'a Reward,
        at: DateTime<Utc>,
    ) -> Result<Self, FundingError> {
        let ending = Self {
            funding,
            currency: decision.currency,
            settled_at: at,
            collected_minor: decision.collected_minor,
            outcome: decision.outcome,
            coupons: match decision.outcome {
                Outcome::Succeeded => Coupons::Foreseen(reward, decision.currency),
                Outcome::Failed => Coupons::Given,
            },
        };
        ending.tellable()
    }

    fn tellable(self) -> Result<Self, FundingError> {
        match check_told_title(&self.funding.title) {
            Ok(()) => Ok(self),
            Err(error) => Err(FundingError::bad(&self.funding.id, format!("title: {error}"))),
        }
    }

    pub(super) async fn readers(
        &self,
        store: &Store,
        last: Option<&str>,
        limit: u64,
    ) -> Result<Vec<OutcomeReader>, FundingError> {
        let page = Page {
            funding: self.funding,
            coupons: self.coupons,
            last,
            limit,
        };
        let people = people(store, &page)
            .await
            .attempting("reading whom an outcome concerns")?;
        let reader = |(user_id, Person { role, habits, coupon })| OutcomeReader {
            funding_id: self.funding.id.clone(),
            funding_title: self.funding.title.clone(),
            closed_at: self.funding.closes_at,
            settled_at: self.settled_at,
            goal: money(self.currency, self.funding.goal_minor),
            raised: money(self.currency, self.collected_minor),
            outcome: self.outcome,
            person: PersonRow { user_id, habits },
            role,
            coupon,
        };
        // The first `limit` of all are among the first `limit` of each role.
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(people.into_iter().map(reader).take(limit).collect())
    }
}

async fn people(store: &Store, page: &Page<'_>) -> Result<People, DbErr> {
    let transaction = store.begin_paging().await?;
    let people = page.read(&transaction).await?;
    transaction.commit().await?;
    Ok(people)
}
