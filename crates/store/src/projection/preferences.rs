//! What people want to be alerted of, as the tables have it.

use std::collections::{BTreeMap, BTreeSet};

use domain::entry::Entry;
use domain::preferences::Preferences;
use hashbrown::HashMap;
use proto_schemas::Recipient;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Query};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, FromQueryResult};

use super::rows::insert;
use super::{Logged, Tables, sequence_to};
use crate::entity::preferences::{ActiveModel, Column, Model};

/// How many people one statement asks for.
const PEOPLE_A_STATEMENT: usize = 10_000;

/// The preferences of those who are told something, where they have any.
///
/// Where nobody ever had, asking for that is all that is done. What is stored in a form that this version does not read
/// silences nothing: one person must not keep everybody from their notifications.
pub(super) async fn known(
    transaction: &DatabaseTransaction,
    tables: &Tables,
    entries: &[Logged],
) -> Result<HashMap<String, Preferences>, DbErr> {
    let people: BTreeSet<&str> = entries.iter().filter_map(told_person).collect();
    let mut known = HashMap::new();
    if people.is_empty() || !any(transaction, tables).await? {
        return Ok(known);
    }
    let people: Vec<&str> = people.into_iter().collect();
    for people in people.chunks(PEOPLE_A_STATEMENT) {
        let stored = Query::select()
            .columns([Column::UserId, Column::Sequence, Column::Preferences])
            .from(tables.preferences)
            .and_where(Expr::col(Column::UserId).is_in(people.iter().copied()))
            .take();
        let stored = Model::find_by_statement(transaction.get_database_backend().build(&stored));
        for row in stored.all(transaction).await? {
            match row.read() {
                Ok(preferences) => {
                    known.insert(row.user_id, preferences);
                }
                Err(error) => tracing::warn!(%error, "silencing nothing"),
            }
        }
    }
    Ok(known)
}

async fn any(transaction: &DatabaseTransaction, tables: &Tables) -> Result<bool, DbErr> {
    let one = Query::select()
        .column(Column::UserId)
        .from(tables.preferences)
        .limit(1)
        .take();
    Ok(transaction.query_one(&one).await?.is_some())
}

fn told_person(logged: &Logged) -> Option<&str> {
    match (&logged.entry, &logged.recipient) {
        (Entry::Told(_), Recipient::User(user)) => Some(user.as_str()),
        _ => None,
    }
}

pub(super) async fn upsert(
    transaction: &DatabaseTransaction,
    tables: &Tables,
    preferences: BTreeMap<&str, (u64, &Preferences)>,
) -> Result<(), DbErr> {
    let latest = OnConflict::column(Column::UserId)
        .update_columns([Column::Sequence, Column::Preferences])
        .to_owned();
    let rows = preferences
        .into_iter()
        .map(|(user, (sequence, preferences))| row(user, sequence, preferences));
    insert(transaction, tables.preferences, rows.collect(), &latest).await
}

/// What a person wants from that sequence on.
pub(crate) fn row(user: &str, sequence: u64, preferences: &Preferences) -> ActiveModel {
    ActiveModel {
        user_id: Set(user.to_owned()),
        sequence: Set(sequence_to(sequence)),
        preferences: Set(serde_json::json!(preferences.to_message()).to_string()),
    }
}
