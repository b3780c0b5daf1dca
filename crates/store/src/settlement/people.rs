//! Whom a funding concerns. Each role is read for one page by its own index, so a page costs the same however many
//! followers there are.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::money::Currency;
use domain::notice::{Habits, IssuedCoupon};
use domain::settlement::{Reward, Role};
use proto_schemas::UserId;
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::due::{habits, with_users};
use crate::entity::{coupon, follow, funding, pledge, user};
use crate::money::amount_row;

/// People by id, each with the first of their roles.
pub(super) type People = BTreeMap<String, Person>;

pub(super) struct Person {
    pub(super) role: Role,
    pub(super) habits: Arc<Habits>,
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

impl Page<'_> {
    /// At least the first `limit` people; what comes after those is not whole.
    pub(super) async fn read(&self, transaction: &DatabaseTransaction) -> Result<People, DbErr> {
        let mut people = People::new();
        self.maker(transaction, &mut people).await?;
        self.backers(transaction, &mut people).await?;
        self.followers(transaction, &mut people).await?;
        Ok(people)
    }

    async fn maker(&self, transaction: &DatabaseTransaction, people: &mut People) -> Result<(), DbErr> {
        let maker = self.funding.maker_id.as_deref();
        let Some(maker) = maker.filter(|maker| self.last.is_none_or(|last| *maker > last)) else {
            return Ok(());
        };
        let user = user::Entity::find_by_id(maker).one(transaction).await?;
        let person = Person {
            role: Role::Maker,
            habits: user
                .map(|user| habits(user.locale.as_deref(), user.time_zone.as_deref()))
                .unwrap_or_default(),
            coupon: None,
        };
        people.insert(maker.to_owned(), person);
        Ok(())
    }

    async fn backers(&self, transaction: &DatabaseTransaction, people: &mut People) -> Result<(), DbErr> {
        let rows: Vec<(String, Option<String>, Option<String>)> =
            with_users(pledge::Entity::find(), pledge::Column::UserId)
                .select_only()
                .column(pledge::Column::UserId)
                .columns([user::Column::Locale, user::Column::TimeZone])
                .filter(pledge::Column::FundingId.eq(self.funding.id.as_str()))
                .filter(self.after(pledge::Column::UserId))
                .order_by_asc(pledge::Column::UserId)
                .limit(self.limit)
                .into_tuple()
                .all(transaction)
                .await?;
        let (Some((first, ..)), Some((last, ..))) = (rows.first(), rows.last()) else {
            return Ok(());
        };
        let mut given = match self.coupons {
            Coupons::Given => self.given(transaction, first, last).await?,
            Coupons::Foreseen(..) => HashMap::new(),
        };
        for (user_id, locale, time_zone) in rows {
            let coupon = match self.coupons {
                Coupons::Given => given.remove(&user_id),
                Coupons::Foreseen(reward, currency) => self.foreseen(reward, currency, &user_id),
            };
            match people.entry(user_id) {
                // The maker may back their own funding, and then has a coupon like everybody else.
                Entry::Occupied(mut known) => known.get_mut().coupon = coupon,
                Entry::Vacant(unknown) => {
                    unknown.insert(Person {
                        role: Role::Backer,
                        habits: habits(locale.as_deref(), time_zone.as_deref()),
                        coupon,
                    });
                }
            }
        }
        Ok(())
    }

    /// The coupons that settlement gave to backers from `first` to `last`; other coupons of the same funding are none of
    /// its business. One stretch of an index: as a join, each backer's was looked for among all of them while PostgreSQL
    /// had no statistics yet.
    async fn given(
        &self,
        transaction: &DatabaseTransaction,
        first: &str,
        last: &str,
    ) -> Result<HashMap<String, IssuedCoupon>, DbErr> {
        type Row = (String, String, DateTime<Utc>, Option<i64>, Option<String>);
        let rows: Vec<Row> = coupon::Entity::find()
            .select_only()
            .columns([
                coupon::Column::UserId,
                coupon::Column::Id,
                coupon::Column::ExpiresAt,
            ])
            .columns([coupon::Column::AmountMinor, coupon::Column::Currency])
            .filter(coupon::Column::FundingId.eq(self.funding.id.as_str()))
            .filter(coupon::Column::UserId.between(first, last))
            .filter(coupon::Column::IssuedAt.is_not_null())
            .into_tuple()
            .all(transaction)
            .await?;
        let coupon = |(user_id, coupon_id, expires_at, amount, currency)| {
            let coupon = IssuedCoupon {
                coupon_id,
                expires_at,
                amount: amount_row(amount, currency),
            };
            (user_id, coupon)
        };
        Ok(rows.into_iter().map(coupon).collect())
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

    async fn followers(&self, transaction: &DatabaseTransaction, people: &mut People) -> Result<(), DbErr> {
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
                .all(transaction)
                .await?;
        for (user_id, locale, time_zone) in rows {
            let follower = Person {
                role: Role::Follower,
                habits: habits(locale.as_deref(), time_zone.as_deref()),
                coupon: None,
            };
            people.entry(user_id).or_insert(follower);
        }
        Ok(())
    }
}
