//! Whom a funding concerns. Each role is read for one page by its own index, so a page costs the same however many
//! followers there are.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{DateTime, Utc};
use domain::money::Currency;
use domain::notice::IssuedCoupon;
use domain::settlement::{Reward, Role};
use proto_schemas::UserId;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationDef,
};

use crate::Store;
use crate::due::{Habits, with_users};
use crate::entity::{coupon, follow, funding, pledge, user};
use crate::money::amount_row;

/// People by id, each with the first of their roles.
pub(super) type People = BTreeMap<String, Person>;

pub(super) struct Person {
    pub(super) role: Role,
    pub(super) habits: Habits,
    pub(super) coupon: Option<IssuedCoupon>,
}

/// Where the coupons of backers are found.
#[derive(Clone, Copy)]
pub(super) enum Coupons<'a> {
    /// In the table, where settlement gave one.
    Given,
    /// Nowhere yet: everybody would get one.
    Foreseen(&'a Reward, Currency),
}

/// The people after `last`.
pub(super) struct Page<'a> {
    pub(super) funding: &'a funding::Model,
    pub(super) coupons: Coupons<'a>,
    pub(super) last: Option<&'a str>,
    pub(super) limit: u64,
}

type BackerRow = (
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<DateTime<Utc>>,
    Option<i64>,
    Option<String>,
);

impl Page<'_> {
    /// At least the first `limit` people; what comes after those is not whole.
    pub(super) async fn read(&self, store: &Store) -> Result<People, DbErr> {
        let mut people = People::new();
        self.maker(store, &mut people).await?;
        self.backers(store, &mut people).await?;
        self.followers(store, &mut people).await?;
        Ok(people)
    }

    async fn maker(&self, store: &Store, people: &mut People) -> Result<(), DbErr> {
        let maker = self.funding.maker_id.as_deref();
        let Some(maker) = maker.filter(|maker| self.last.is_none_or(|last| *maker > last)) else {
            return Ok(());
        };
        let user = user::Entity::find_by_id(maker).one(store.connection()).await?;
        let person = Person {
            role: Role::Maker,
            habits: user.map(|user| (user.locale, user.time_zone)).unwrap_or_default(),
            coupon: None,
        };
        people.insert(maker.to_owned(), person);
        Ok(())
    }

    async fn backers(&self, store: &Store, people: &mut People) -> Result<(), DbErr> {
        let rows: Vec<BackerRow> = with_users(pledge::Entity::find(), pledge::Column::UserId)
            .join(JoinType::LeftJoin, reward_coupon())
            .select_only()
            .column(pledge::Column::UserId)
            .columns([user::Column::Locale, user::Column::TimeZone])
            .columns([coupon::Column::Id, coupon::Column::ExpiresAt])
            .columns([coupon::Column::AmountMinor, coupon::Column::Currency])
            .filter(pledge::Column::FundingId.eq(self.funding.id.as_str()))
            .filter(self.after(pledge::Column::UserId))
            .order_by_asc(pledge::Column::UserId)
            .limit(self.limit)
            .into_tuple()
            .all(store.connection())
            .await?;
        for (user_id, locale, time_zone, coupon_id, expires_at, amount, currency) in rows {
            let given = coupon_id
                .zip(expires_at)
                .map(|(coupon_id, expires_at)| IssuedCoupon {
                    coupon_id,
                    expires_at,
                    amount: amount_row(amount, currency),
                });
            let coupon = match self.coupons {
                Coupons::Given => given,
                Coupons::Foreseen(reward, currency) => self.foreseen(reward, currency, &user_id),
            };
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

    /// Not `> ''` for the first page: somebody may have written a row of nobody, and it has to be named.
    fn after(&self, user_id: impl ColumnTrait) -> Condition {
        let mut condition = Condition::all();
        if let Some(last) = self.last {
            condition = condition.add(user_id.gt(last));
        }
        condition
    }

    fn foreseen(&self, reward: &Reward, currency: Currency, backer: &str) -> Option<IssuedCoupon> {
        let backer = UserId::new(backer).ok()?;
        let coupon = reward.coupon(&self.funding.id, currency, self.funding.closes_at, backer);
        Some(IssuedCoupon {
            coupon_id: coupon.id,
            expires_at: coupon.expires_at,
            amount: coupon.amount.map(Into::into),
        })
    }

    async fn followers(&self, store: &Store, people: &mut People) -> Result<(), DbErr> {
        let rows: Vec<(String, Option<String>, Option<String>)> =
            with_users(follow::Entity::find(), follow::Column::UserId)
                .select_only()
                .column(follow::Column::UserId)
                .columns([user::Column::Locale, user::Column::TimeZone])
                .filter(follow::Column::FundingId.eq(self.funding.id.as_str()))
                .filter(self.after(follow::Column::UserId))
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
