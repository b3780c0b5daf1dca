//! What many rows of one run have in common, looked up once for each.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::notice::Habits;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QuerySelect};

use super::habits;
use crate::entity::{funding, user};

/// How many of a kind are kept: some twenty megabytes of users. Rows come in no order of their people, so that those who
/// were met first are met again as often as any others.
const KEPT: usize = 256 * 1024;

/// How many different habits are shared: far more than there are languages in the zones that speak them.
const HABITS: usize = 4 * 1024;

/// The people and the fundings that the rows of one run have named so far, as they were when they were met first.
///
/// Joined to every row of a page, they would take the database most of its time: many coupons are of one person, and
/// very many of one funding.
#[derive(Default)]
pub struct Lookups {
    pub(crate) users: Lookup<Users>,
    pub(crate) funding_titles: Lookup<FundingTitles>,
}

/// Rows of one kind, by their ids.
#[derive(Default)]
pub(crate) struct Lookup<T: Table> {
    table: T,
    /// Also those that are not there, as nothing.
    met: Mutex<Met<T::Value>>,
}

type Met<Value> = HashMap<Box<str>, Option<Value>>;

/// What has to be read, and which places are waiting for it. In the order of the index: each next one is near the last.
type Missing<'a> = BTreeMap<&'a str, Vec<usize>>;

/// Where to look.
pub(crate) trait Table {
    /// What is asked for of each row.
    type Value: Clone + Send + Sync;

    /// Reads those that are there.
    fn read(
        &self,
        connection: &impl ConnectionTrait,
        ids: Vec<String>,
    ) -> impl Future<Output = Result<Vec<(String, Self::Value)>, DbErr>> + Send;
}

impl<T: Table> Lookup<T> {
    /// What there is for each of these, in their order.
    pub(crate) async fn of<'a>(
        &self,
        connection: &impl ConnectionTrait,
        ids: impl Iterator<Item = Option<&'a str>>,
    ) -> Result<Vec<Option<T::Value>>, DbErr> {
        let (mut found, missing) = self.met(ids);
        if missing.is_empty() {
            return Ok(found);
        }
        let ids = missing.keys().map(|&id| id.to_owned()).collect();
        let mut read: HashMap<_, _> = self.table.read(connection, ids).await?.into_iter().collect();
        let mut met = lock(&self.met);
        for (id, places) in missing {
            let value = read.remove(id);
            for place in places {
                found[place].clone_from(&value);
            }
            if met.len() < KEPT {
                met.insert(id.into(), value);
            }
        }
        Ok(found)
    }

    /// What is known, and what is not.
    fn met<'a>(&self, ids: impl Iterator<Item = Option<&'a str>>) -> (Vec<Option<T::Value>>, Missing<'a>) {
        let (met, mut missing) = (lock(&self.met), Missing::new());
        let mut found = Vec::with_capacity(ids.size_hint().0);
        for (place, id) in ids.enumerate() {
            let value = id.and_then(|id| {
                let value = met.get(id);
                if value.is_none() {
                    missing.entry(id).or_insert_with(Vec::new).push(place);
                }
                value.cloned().flatten()
            });
            found.push(value);
        }
        (found, missing)
    }
}

fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Language and time zone of people.
#[derive(Default)]
pub(crate) struct Users {
    /// Millions of people have a few hundred.
    shared: Mutex<HashMap<Told, Arc<Habits>>>,
}

/// The language and the time zone that a person has told.
type Told = (Option<String>, Option<String>);

impl Users {
    fn habits(&self, (locale, time_zone): Told) -> Arc<Habits> {
        let mut shared = lock(&self.shared);
        if shared.len() == HABITS {
            shared.clear();
        }
        let habits = shared
            .entry((locale, time_zone))
            .or_insert_with_key(|(locale, time_zone)| habits(locale.as_deref(), time_zone.as_deref()));
        Arc::clone(habits)
    }
}

impl Table for Users {
    type Value = Arc<Habits>;

    async fn read(
        &self,
        connection: &impl ConnectionTrait,
        ids: Vec<String>,
    ) -> Result<Vec<(String, Arc<Habits>)>, DbErr> {
        let rows: Vec<(String, Option<String>, Option<String>)> = user::Entity::find()
            .select_only()
            .columns([user::Column::Id, user::Column::Locale, user::Column::TimeZone])
            .filter(one_of(connection, user::Column::Id, ids))
            .into_tuple()
            .all(connection)
            .await?;
        let known = |(id, locale, time_zone)| (id, self.habits((locale, time_zone)));
        Ok(rows.into_iter().map(known).collect())
    }
}

/// Titles of fundings.
#[derive(Default)]
pub(crate) struct FundingTitles;

impl Table for FundingTitles {
    type Value = Arc<str>;

    async fn read(
        &self,
        connection: &impl ConnectionTrait,
        ids: Vec<String>,
    ) -> Result<Vec<(String, Arc<str>)>, DbErr> {
        let titles: Vec<(String, String)> = funding::Entity::find()
            .select_only()
            .columns([funding::Column::Id, funding::Column::Title])
            .filter(one_of(connection, funding::Column::Id, ids))
            .into_tuple()
            .all(connection)
            .await?;
        let titles = titles.into_iter();
        Ok(titles.map(|(id, title)| (id, title.into())).collect())
    }
}

/// To PostgreSQL the ids go as one array, so that any number of them makes the same statement, which it has prepared
/// already.
fn one_of(connection: &impl ConnectionTrait, column: impl ColumnTrait, ids: Vec<String>) -> Expr {
    match connection.get_database_backend() {
        DbBackend::Postgres => column.eq_any(ids),
        _ => column.is_in(ids),
    }
}
