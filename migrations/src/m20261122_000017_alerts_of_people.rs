//! Alerts that people set themselves, beside those that the site hands over.
//!
//! An id belongs to its owner: whoever chooses the id of an alert of theirs learns nothing of the alerts of others. What
//! the site hands over has no `created_at`, and its ids are unique among themselves.
//!
//! Which clock an alert goes by is kept beside it, because it is what due alerts are looked up by: its own zone, else its
//! owner's, else UTC. The database keeps it right, whoever writes to either table and with whatever tool.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::columns::{id, instant};

/// Whoever writes alerts on PostgreSQL holds this advisory lock as one of many, and whoever writes users holds it alone.
/// Otherwise an alert that is being written with its owner's old zone, and the change of that zone, would not see each
/// other, and the alert would go by the old clock for ever.
pub const ALERTS_LOCK: i64 = 5_208_431_977_620_418;

const DAILY: i16 = 0b111_1111;

/// Any function of a trigger sees what was committed before it began, and so after the lock was waited for.
const POSTGRES: &str = r#"
CREATE FUNCTION alerts_wait_for_users() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(5208431977620418);
    RETURN NULL;
END
$body$;
CREATE FUNCTION users_wait_for_alerts() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    PERFORM pg_advisory_xact_lock(5208431977620418);
    RETURN NULL;
END
$body$;
CREATE FUNCTION set_effective_zone() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    NEW.effective_zone := COALESCE(NEW.time_zone, (SELECT time_zone FROM users WHERE id = NEW.user_id), 'UTC');
    RETURN NEW;
END
$body$;
CREATE FUNCTION alerts_follow_users() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    UPDATE alerts SET effective_zone = COALESCE(written.time_zone, 'UTC') FROM written
    WHERE alerts.user_id = written.id AND alerts.time_zone IS NULL
        AND alerts.effective_zone <> COALESCE(written.time_zone, 'UTC');
    RETURN NULL;
END
$body$;
CREATE TRIGGER alerts_lock BEFORE INSERT OR UPDATE OF user_id, time_zone ON alerts
    FOR EACH STATEMENT EXECUTE FUNCTION alerts_wait_for_users();
CREATE TRIGGER alerts_zone BEFORE INSERT OR UPDATE OF user_id, time_zone ON alerts
    FOR EACH ROW EXECUTE FUNCTION set_effective_zone();
CREATE TRIGGER users_lock BEFORE INSERT OR UPDATE OF time_zone ON users
    FOR EACH STATEMENT EXECUTE FUNCTION users_wait_for_alerts();
CREATE TRIGGER users_inserted AFTER INSERT ON users REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION alerts_follow_users();
CREATE TRIGGER users_updated AFTER UPDATE ON users REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION alerts_follow_users();
"#;

/// SQLite has one writer at a time.
const SQLITE: &str = r"
CREATE TRIGGER alerts_inserted AFTER INSERT ON alerts BEGIN
    UPDATE alerts SET effective_zone =
        COALESCE(NEW.time_zone, (SELECT time_zone FROM users WHERE id = NEW.user_id), 'UTC')
    WHERE user_id = NEW.user_id AND id = NEW.id;
END;
CREATE TRIGGER alerts_updated AFTER UPDATE OF user_id, time_zone ON alerts BEGIN
    UPDATE alerts SET effective_zone =
        COALESCE(NEW.time_zone, (SELECT time_zone FROM users WHERE id = NEW.user_id), 'UTC')
    WHERE user_id = NEW.user_id AND id = NEW.id;
END;
CREATE TRIGGER users_inserted AFTER INSERT ON users BEGIN
    UPDATE alerts SET effective_zone = COALESCE(NEW.time_zone, 'UTC') WHERE user_id = NEW.id AND time_zone IS NULL;
END;
CREATE TRIGGER users_updated AFTER UPDATE OF time_zone ON users WHEN OLD.time_zone IS NOT NEW.time_zone BEGIN
    UPDATE alerts SET effective_zone = COALESCE(NEW.time_zone, 'UTC') WHERE user_id = NEW.id AND time_zone IS NULL;
END;
";

const DROP_POSTGRES: &str = "
DROP TRIGGER users_updated ON users;
DROP TRIGGER users_inserted ON users;
DROP TRIGGER users_lock ON users;
DROP TRIGGER alerts_zone ON alerts;
DROP TRIGGER alerts_lock ON alerts;
DROP FUNCTION alerts_follow_users();
DROP FUNCTION set_effective_zone();
DROP FUNCTION users_wait_for_alerts();
DROP FUNCTION alerts_wait_for_users();
";

const DROP_SQLITE: &str = "
DROP TRIGGER users_updated;
DROP TRIGGER users_inserted;
DROP TRIGGER alerts_updated;
DROP TRIGGER alerts_inserted;
";

const COPY: &str = "
INSERT INTO rebuilt_alerts (user_id, id, title, at_minute, weekdays, effective_zone)
SELECT alerts.user_id, alerts.id, alerts.title, alerts.at_minute, alerts.weekdays, COALESCE(users.time_zone, 'UTC')
FROM alerts LEFT JOIN users ON users.id = alerts.user_id
";

/// What people set themselves has no place in the table as it was: their ids are not unique.
const COPY_BACK: &str = "
INSERT INTO rebuilt_alerts (id, user_id, title, at_minute, weekdays)
SELECT id, user_id, title, at_minute, weekdays FROM alerts WHERE created_at IS NULL
";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite cannot change a primary key in place.
        manager.create_table(alerts_of_people(manager)).await?;
        replace_alerts(manager, COPY).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        // Zones are looked for among alerts now.
        let zones_of_users = Index::drop().name("users_time_zone").table("users").to_owned();
        manager.drop_index(zones_of_users).await?;
        let triggers = match manager.get_database_backend() {
            DbBackend::Postgres => POSTGRES,
            _ => SQLITE,
        };
        manager.get_connection().execute_unprepared(triggers).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let triggers = match manager.get_database_backend() {
            DbBackend::Postgres => DROP_POSTGRES,
            _ => DROP_SQLITE,
        };
        manager.get_connection().execute_unprepared(triggers).await?;
        let zones_of_users = Index::create()
            .name("users_time_zone")
            .table("users")
            .col("time_zone")
            .take();
        manager.create_index(zones_of_users).await?;
        manager.create_table(alerts_of_the_site(manager)).await?;
        replace_alerts(manager, COPY_BACK).await?;
        let by_minute = Index::create()
            .name("alerts_at_minute_id")
            .table("alerts")
            .col("at_minute")
            .col("id")
            .take();
        manager.create_index(by_minute).await
    }
}

fn alerts_of_people(manager: &SchemaManager<'_>) -> TableCreateStatement {
    Table::create()
        .table("rebuilt_alerts")
        .col(id(manager, "user_id").not_null())
        .col(id(manager, "id").not_null())
        .primary_key(Index::create().col("user_id").col("id"))
        .col(ColumnDef::new("title").text().not_null())
        // The site's own reference to what the alert is for.
        .col(ColumnDef::new("content").text())
        // Minutes since midnight on the clock it goes by.
        .col(ColumnDef::new("at_minute").small_integer().not_null())
        // One bit for each day, Monday the lowest.
        .col(
            ColumnDef::new("weekdays")
                .small_integer()
                .not_null()
                .default(DAILY),
        )
        // Its own zone, if it has one.
        .col(id(manager, "time_zone"))
        .col(id(manager, "effective_zone").not_null().default("UTC"))
        // It comes due only after this instant, if any.
        .col(instant("effective_from"))
        .col(instant("created_at"))
        .take()
}

fn alerts_of_the_site(manager: &SchemaManager<'_>) -> TableCreateStatement {
    Table::create()
        .table("rebuilt_alerts")
        .col(id(manager, "id").not_null().primary_key())
        .col(id(manager, "user_id").not_null())
        .col(ColumnDef::new("title").text().not_null())
        .col(ColumnDef::new("at_minute").small_integer().not_null())
        .col(
            ColumnDef::new("weekdays")
                .small_integer()
                .not_null()
                .default(DAILY),
        )
        .take()
}

async fn replace_alerts(manager: &SchemaManager<'_>, copy: &str) -> Result<(), DbErr> {
    manager.get_connection().execute_unprepared(copy).await?;
    manager.drop_table(Table::drop().table("alerts").take()).await?;
    let rename = Table::rename().table("rebuilt_alerts", "alerts").take();
    manager.rename_table(rename).await
}

fn indexes() -> [IndexCreateStatement; 2] {
    let due = Index::create()
        .name("alerts_effective_zone_at_minute")
        .table("alerts")
        .col("effective_zone")
        .col("at_minute")
        .col("id")
        .col("user_id")
        .take();
    // In words without a value, or an import could not name it as what its rows may conflict with.
    let of_the_site = Index::create()
        .name("alerts_of_the_site")
        .table("alerts")
        .col("id")
        .unique()
        .and_where(Expr::col("created_at").is_null())
        .take();
    [due, of_the_site]
}
