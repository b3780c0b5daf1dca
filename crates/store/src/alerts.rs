//! Alerts as their owners see and change them.
//!
//! Nothing here reaches anybody else's: every key begins with the owner.
//!
//! An alert comes due only after the instant at which it was set or moved. That instant is read while holding a lock that
//! a check for due alerts waits for ([`Store::wait_for_alerts`]). So of an alert that is set in the moment of a check,
//! either the check finds it or the alert knows that it came too late; without, it could be promised and never told.

use chrono::{DateTime, Utc};
use domain::reminder::{TimeOfDay, Weekdays};
use migrations::ALERTS_LOCK;
use proto_schemas::UserId;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::Condition;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Statement, Value,
};

use crate::entity::alert::{ActiveModel, Column, Entity, Model};
use crate::error::Attempting;
use crate::job_runs::clock;
use crate::{Store, StoreError};

/// Set beside a person's hash in advisory locks of two parts, which never meet those of one.
const PERSON_LOCK: i32 = 0x616c_7274;

/// What a person chooses of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertSetting {
    /// What they call it.
    pub title: String,
    /// The piece of content it is for, as the site refers to it.
    pub content: Option<String>,
    /// When.
    pub at: TimeOfDay,
    /// On which days.
    pub weekdays: Weekdays,
    /// The zone of the clock it goes by, where that is not the person's own.
    pub time_zone: Option<String>,
}

/// An alert as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRecord {
    /// Its id, one of its owner's.
    pub id: String,
    /// What its owner chose.
    pub setting: AlertSetting,
    /// The zone of the clock it goes by: its own, else its owner's, else UTC.
    pub zone: String,
    /// It comes due only after this instant, if any.
    pub effective_from: Option<DateTime<Utc>>,
    /// When its owner set it; nothing for those that the site handed over.
    pub created_at: Option<DateTime<Utc>>,
}

/// What became of an alert that was to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// It is new.
    Created(AlertRecord),
    /// It was there, and is now as asked.
    Replaced(AlertRecord),
    /// It is not there: the person has as many as they may.
    Full,
}

impl Store {
    /// At most `limit` of a person's alerts after an id, in the order of their ids.
    pub async fn list_alerts(
        &self,
        user: &UserId,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Vec<AlertRecord>, StoreError> {
        let page = Entity::find()
            .filter(Column::UserId.eq(user.as_str()))
            .filter(Column::Id.gt(after.unwrap_or_default()))
            .order_by_asc(Column::Id)
            .limit(limit);
        let rows = page.all(self.connection()).await.attempting("reading alerts")?;
        rows.into_iter().map(record).collect()
    }

    /// One of a person's alerts.
    pub async fn find_alert(&self, user: &UserId, id: &str) -> Result<Option<AlertRecord>, StoreError> {
        let row = find(self.connection(), user, id).await;
        row.attempting("reading an alert")?.map(record).transpose()
    }

    /// Makes an alert what is asked for, or adds it where the person has fewer than `most`.
    pub async fn put_alert(
        &self,
        user: &UserId,
        id: &str,
        setting: &AlertSetting,
        most: u64,
    ) -> Result<Put, StoreError> {
        let attempted = "writing an alert";
        let (transaction, now) = self.begin_alert_write(user).await.attempting(attempted)?;
        if let Some(earlier) = find(&transaction, user, id).await.attempting(attempted)? {
            let row = rewrite(&transaction, &earlier, setting, now).await;
            let row = row.attempting(attempted)?;
            transaction.commit().await.attempting(attempted)?;
            return Ok(Put::Replaced(record(row)?));
        }
        if count(&transaction, user).await.attempting(attempted)? >= most {
            return Ok(Put::Full);
        }
        let row = add(&transaction, user, id, setting, now).await;
        let row = row.attempting(attempted)?;
        transaction.commit().await.attempting(attempted)?;
        Ok(Put::Created(record(row)?))
    }

    /// Changes one of a person's alerts, if it is there.
    pub async fn change_alert(
        &self,
        user: &UserId,
        id: &str,
        change: impl FnOnce(&mut AlertSetting) + Send,
    ) -> Result<Option<AlertRecord>, StoreError> {
        let attempted = "changing an alert";
        let (transaction, now) = self.begin_alert_write(user).await.attempting(attempted)?;
        let Some(earlier) = find(&transaction, user, id).await.attempting(attempted)? else {
            return Ok(None);
        };
        let mut setting = record(earlier.clone())?.setting;
        change(&mut setting);
        let row = rewrite(&transaction, &earlier, &setting, now).await;
        let row = row.attempting(attempted)?;
        transaction.commit().await.attempting(attempted)?;
        record(row).map(Some)
    }

    /// Deletes one of a person's alerts, and says whether it was there.
    pub async fn delete_alert(&self, user: &UserId, id: &str) -> Result<bool, StoreError> {
        let deleted = Entity::delete_many()
            .filter(key(user.as_str(), id))
            .exec(self.connection())
            .await
            .attempting("deleting an alert")?;
        Ok(deleted.rows_affected > 0)
    }

    /// Waits until everything is stored that people were setting or moving when this was called. What they set from then
    /// on comes due only after now.
    pub async fn wait_for_alerts(&self) -> Result<(), StoreError> {
        self.pass_writers_of_alerts()
            .await
            .attempting("waiting for alerts that are being set")
    }

    async fn pass_writers_of_alerts(&self) -> Result<(), DbErr> {
        // On SQLite, beginning waits for the one writer there is.
        let transaction = self.begin_write().await?;
        lock(
            &transaction,
            "SELECT pg_advisory_xact_lock($1)",
            [ALERTS_LOCK.into()],
        )
        .await?;
        transaction.commit().await
    }

    /// A transaction that may write this person's alerts and is the only one to do so, and the instant from which what it
    /// writes is effective.
    async fn begin_alert_write(&self, user: &UserId) -> Result<(DatabaseTransaction, DateTime<Utc>), DbErr> {
        let transaction = self.begin_write().await?;
        // Before anything else is locked: what waits for this one must not have what this one waits for.
        let shared = "SELECT pg_advisory_xact_lock_shared($1)";
        lock(&transaction, shared, [ALERTS_LOCK.into()]).await?;
        let of_person = "SELECT pg_advisory_xact_lock($1, hashtext($2))";
        lock(
            &transaction,
            of_person,
            [PERSON_LOCK.into(), user.as_str().into()],
        )
        .await?;
        let now = clock::now(&transaction).await?;
        Ok((transaction, now))
    }
}

/// Takes an advisory lock until the transaction ends. SQLite's one write lock covers it.
async fn lock<const N: usize>(
    transaction: &DatabaseTransaction,
    sql: &str,
    values: [Value; N],
) -> Result<(), DbErr> {
    if transaction.get_database_backend() == DbBackend::Postgres {
        let lock = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        transaction.execute_raw(lock).await?;
    }
    Ok(())
}

fn key(user: &str, id: &str) -> Condition {
    Condition::all()
        .add(Column::UserId.eq(user))
        .add(Column::Id.eq(id))
}

async fn find(connection: &impl ConnectionTrait, user: &UserId, id: &str) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(key(user.as_str(), id))
        .one(connection)
        .await
}

async fn count(connection: &impl ConnectionTrait, user: &UserId) -> Result<u64, DbErr> {
    Entity::find()
        .filter(Column::UserId.eq(user.as_str()))
        .count(connection)
        .await
}

async fn add(
    transaction: &DatabaseTransaction,
    user: &UserId,
    id: &str,
    setting: &AlertSetting,
    now: DateTime<Utc>,
) -> Result<Model, DbErr> {
    let alert = ActiveModel {
        user_id: Set(user.as_str().to_owned()),
        id: Set(id.to_owned()),
        effective_from: Set(Some(now)),
        created_at: Set(Some(now)),
        ..columns(setting)
    };
    Entity::insert(alert).exec_without_returning(transaction).await?;
    written(transaction, user.as_str(), id).await
}

async fn rewrite(
    transaction: &DatabaseTransaction,
    earlier: &Model,
    setting: &AlertSetting,
    now: DateTime<Utc>,
) -> Result<Model, DbErr> {
    let update = |alert| {
        Entity::update_many()
            .set(alert)
            .filter(key(&earlier.user_id, &earlier.id))
            .exec(transaction)
    };
    update(columns(setting)).await?;
    let row = written(transaction, &earlier.user_id, &earlier.id).await?;
    let when = |row: &Model| (row.at_minute, row.weekdays, row.effective_zone.clone());
    if when(&row) == when(earlier) {
        return Ok(row);
    }
    let effective_from = Some(now);
    update(ActiveModel {
        effective_from: Set(effective_from),
        ..ActiveModel::default()
    })
    .await?;
    Ok(Model {
        effective_from,
        ..row
    })
}

/// Read again, because which clock an alert goes by is the database's to say.
async fn written(transaction: &DatabaseTransaction, user: &str, id: &str) -> Result<Model, DbErr> {
    let row = Entity::find().filter(key(user, id)).one(transaction).await?;
    row.ok_or_else(|| DbErr::RecordNotFound("the alert that was just written".to_owned()))
}

fn columns(setting: &AlertSetting) -> ActiveModel {
    ActiveModel {
        user_id: NotSet,
        id: NotSet,
        title: Set(setting.title.clone()),
        content: Set(setting.content.clone()),
        at_minute: Set(setting.at.minute().cast_signed()),
        weekdays: Set(setting.weekdays.bits().into()),
        time_zone: Set(setting.time_zone.clone()),
        effective_zone: NotSet,
        effective_from: NotSet,
        created_at: NotSet,
    }
}

fn record(row: Model) -> Result<AlertRecord, StoreError> {
    let refused = |column, found: i16| StoreError::Stored {
        row: format!("alert {} of {}", row.id, row.user_id),
        column,
        found: found.to_string(),
    };
    let at = TimeOfDay::from_minute(row.at_minute.cast_unsigned());
    let at = at.ok_or_else(|| refused("at_minute", row.at_minute))?;
    let weekdays = u8::try_from(row.weekdays).ok().and_then(Weekdays::from_bits);
    let weekdays = weekdays.ok_or_else(|| refused("weekdays", row.weekdays))?;
    Ok(AlertRecord {
        id: row.id,
        setting: AlertSetting {
            title: row.title,
            content: row.content,
            at,
            weekdays,
            time_zone: row.time_zone,
        },
        zone: row.effective_zone,
        effective_from: row.effective_from,
        created_at: row.created_at,
    })
}
