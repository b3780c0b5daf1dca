use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{DateTime, Utc};
use domain::catalogue::FundingStatus;
use domain::notice::{IssuedCoupon, OutcomeReader};
use domain::settlement::{Outcome, Role};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationDef,
};

use crate::due::{Habits, person, with_users};
use crate::entity::{coupon, follow, funding, pledge, user};
use crate::error::Attempting;
use crate::money::{currency, money};
use crate::{Store, StoreError};

/// People by id, each with the first of their roles.
type People = BTreeMap<String, Person>;

struct Person {
    role: Role,
    habits: Habits,
    coupon: Option<IssuedCoupon>,
}

impl Store {
    /// At most `limit` of the people whom the outcome of a settled funding concerns, in the order of their ids: its
    /// maker, its backers with the coupon they were given, and its followers. Who has several roles is there once, in
    /// the first of them. Nobody where the funding is not settled.
    ///
    /// Each role is read for one page by its own index, so a page costs the same however many followers there are.
    pub async fn outcome_readers(
        &self,
        funding_id: &str,
        last: Option<&str>,
        limit: u64,
    ) -> Result<Vec<OutcomeReader>, StoreError> {
        let attempted = "reading whom an outcome concerns";
        let funding = funding::Entity::find_by_id(funding_id)
            .one(self.connection())
            .await
            .attempting(attempted)?;
        let Some((funding, settled)) = funding.and_then(settled) else {
            return Ok(Vec::new());
        };
        let page = Page {
            funding: &funding,
            last: last.unwrap_or_default(),
            limit,
        };
        let mut people = People::new();
        page.maker(self, &mut people).await.attempting(attempted)?;
        page.backers(self, &mut people).await.attempting(attempted)?;
        page.followers(self, &mut people).await.attempting(attempted)?;

        let currency = currency(&funding.id, &funding.currency)?;
        let reader = |(user_id, Person { role, habits, coupon })| OutcomeReader {
            funding_id: funding.id.clone(),
            funding_title: funding.title.clone(),
            closed_at: funding.closes_at,
            settled_at: settled.at,
            goal: money(currency, funding.goal_minor),
            raised: money(currency, settled.collected_minor),
            outcome: settled.outcome,
            person: person(user_id, habits),
            role,
            coupon,
        };
        // The first `limit` of all are among the first `limit` of each role.
        Ok(people
            .into_iter()
            .map(reader)
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .collect())
    }
}

struct Settled {
    at: DateTime<Utc>,
    collected_minor: i64,
    outcome: Outcome,
}

fn settled(funding: funding::Model) -> Option<(funding::Model, Settled)> {
    let outcome = match funding.status.parse().ok()? {
        FundingStatus::Succeeded => Outcome::Succeeded,
        FundingStatus::Failed => Outcome::Failed,
        FundingStatus::Open | FundingStatus::Cancelled => return None,
    };
    let settled = Settled {
        at: funding.settled_at?,
        collected_minor: funding.collected_minor?,
        outcome,
    };
    Some((funding, settled))
}

struct Page<'a> {
    funding: &'a funding::Model,
    last: &'a str,
    limit: u64,
}

impl Page<'_> {
    async fn maker(&self, store: &Store, people: &mut People) -> Result<(), DbErr> {
        let Some(maker) = self
            .funding
            .maker_id
            .as_deref()
            .filter(|maker| *maker > self.last)
        else {
            return Ok(());
        };
        let user = user::Entity::find_by_id(maker).one(store.connection()).await?;
        let habits = user.map(|user| (user.locale, user.time_zone)).unwrap_or_default();
        people.insert(
            maker.to_owned(),
            Person {
                role: Role::Maker,
                habits,
                coupon: None,
            },
        );
        Ok(())
    }

    async fn backers(&self, store: &Store, people: &mut People) -> Result<(), DbErr> {
        type Row = (
            String,
            Option<String>,
            Option<String>,
            Option<String>,
            Option<DateTime<Utc>>,
        );
        let rows: Vec<Row> = with_users(pledge::Entity::find(), pledge::Column::UserId)
            .join(JoinType::LeftJoin, reward_coupon())
            .select_only()
            .column(pledge::Column::UserId)
            .columns([user::Column::Locale, user::Column::TimeZone])
            .columns([coupon::Column::Id, coupon::Column::ExpiresAt])
            .filter(pledge::Column::FundingId.eq(self.funding.id.as_str()))
            .filter(pledge::Column::UserId.gt(self.last))
            .order_by_asc(pledge::Column::UserId)
            .limit(self.limit)
            .into_tuple()
            .all(store.connection())
            .await?;
        for (user_id, locale, time_zone, coupon_id, expires_at) in rows {
            let coupon = coupon_id
                .zip(expires_at)
                .map(|(coupon_id, expires_at)| IssuedCoupon {
                    coupon_id,
                    expires_at,
                });
            match people.entry(user_id) {
                // The maker may back their own funding, and then has a coupon like everybody else.
                Entry::Occupied(mut known) => known.get_mut().coupon = coupon,
                Entry::Vacant(unknown) => {
                    unknown.insert(Person {
                        role: Role::Backer,
                        habits: (locale, time_zone),
                        coupon,
                    });
                }
            }
        }
        Ok(())
    }

    async fn followers(&self, store: &Store, people: &mut People) -> Result<(), DbErr> {
        let rows: Vec<(String, Option<String>, Option<String>)> =
            with_users(follow::Entity::find(), follow::Column::UserId)
                .select_only()
                .column(follow::Column::UserId)
                .columns([user::Column::Locale, user::Column::TimeZone])
                .filter(follow::Column::FundingId.eq(self.funding.id.as_str()))
                .filter(follow::Column::UserId.gt(self.last))
                .order_by_asc(follow::Column::UserId)
                .limit(self.limit)
                .into_tuple()
                .all(store.connection())
                .await?;
        for (user_id, locale, time_zone) in rows {
            let follower = Person {
                role: Role::Follower,
                habits: (locale, time_zone),
                coupon: None,
            };
            people.entry(user_id).or_insert(follower);
        }
        Ok(())
    }
}

/// The coupon that settlement gave for a pledge; other coupons of the same funding are none of its business.
fn reward_coupon() -> RelationDef {
    let relation: RelationDef = pledge::Entity::belongs_to(coupon::Entity)
        .from((pledge::Column::FundingId, pledge::Column::UserId))
        .to((coupon::Column::FundingId, coupon::Column::UserId))
        .into();
    relation.on_condition(|_, coupons| {
        Condition::all().add(Expr::col((coupons, coupon::Column::IssuedAt)).is_not_null())
    })
}
