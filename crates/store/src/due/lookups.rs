//! What many rows of one run have in common, looked up once for each.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QuerySelect};

use super::Habits;
use crate::entity::{funding, user};

/// How many of a kind are kept: some tens of megabytes of users. Rows come in no order of their people, so that those
/// who were met first are met again as often as any others.
const KEPT: usize = 128 * 1024;

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
pub(crate) struct Lookup<T: Table> {
    /// Also those that are not there, as nothing.
    met: Mutex<HashMap<String, Option<T::Value>>>,
}

/// What has to be read, and which places are waiting for it. In the order of the index: each next one is near the last.
type Missing<'a> = BTreeMap<&'a str, Vec<usize>>;

/// Where to look.
pub(crate) trait Table {
    /// What is asked for of each row.
    type Value: Clone + Send;

    /// Reads those that are there.
    fn read(
        connection: &impl ConnectionTrait,
        ids: Vec<String>,
    ) -> impl Future<Output = Result<Vec<(String, Self::Value)>, DbErr>> + Send;
}

impl<T: Table> Default for Lookup<T> {
    fn default() -> Self {
        Self {
            met: Mutex::default(),
        }
    }
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
        let mut read: HashMap<_, _> = T::read(connection, ids).await?.into_iter().collect();
        let mut met = self.lock();
        for (id, places) in missing {
            let value = read.remove(id);
            for place in places {
                found[place].clone_from(&value);
            }
            if met.len() < KEPT {
                met.insert(id.to_owned(), value);
            }
        }
        Ok(found)
    }

    /// What is known, and what is not.
    fn met<'a>(&self, ids: impl Iterator<Item = Option<&'a str>>) -> (Vec<Option<T::Value>>, Missing<'a>) {
        let (met, mut missing) = (self.lock(), Missing::new());
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

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Option<T::Value>>> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Language and time zone of people.
pub(crate) struct Users;

impl Table for Users {
    type Value = Habits;

    async fn read(
        connection: &impl ConnectionTrait,
        ids: Vec<String>,
    ) -> Result<Vec<(String, Habits)>, DbErr> {
        let rows: Vec<(String, Option<String>, Option<String>)> = user::Entity::find()
            .select_only()
            .columns([user::Column::Id, user::Column::Locale, user::Column::TimeZone])
            .filter(one_of(connection, user::Column::Id, ids))
            .into_tuple()
            .all(connection)
            .await?;
        let habits = |(id, locale, time_zone)| (id, (locale, time_zone));
        Ok(rows.into_iter().map(habits).collect())
    }
}

/// Titles of fundings.
pub(crate) struct FundingTitles;

impl Table for FundingTitles {
    type Value = String;

    async fn read(
        connection: &impl ConnectionTrait,
        ids: Vec<String>,
    ) -> Result<Vec<(String, String)>, DbErr> {
        funding::Entity::find()
            .select_only()
            .columns([funding::Column::Id, funding::Column::Title])
            .filter(one_of(connection, funding::Column::Id, ids))
            .into_tuple()
            .all(connection)
            .await
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
