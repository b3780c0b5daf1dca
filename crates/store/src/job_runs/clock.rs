use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use crate::instant::stored;

/// Not `now()`, which stands still within a transaction and would begin a lease before the wait for a lock.
const POSTGRES_CLOCK: &str = "SELECT clock_timestamp()";

/// The clock that everybody who uses this database agrees upon.
pub(crate) async fn now(connection: &impl ConnectionTrait) -> Result<DateTime<Utc>, DbErr> {
    let backend = connection.get_database_backend();
    let now = if backend == DbBackend::Postgres {
        let row = connection
            .query_one_raw(Statement::from_string(backend, POSTGRES_CLOCK))
            .await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound("the database's clock".to_owned()))?;
        row.try_get_by_index(0)?
    } else {
        Utc::now()
    };
    Ok(stored(now))
}
