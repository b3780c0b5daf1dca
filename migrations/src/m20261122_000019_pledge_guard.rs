//! The pledges of a funding that Lastcall has settled stay what was settled: whoever writes them, with whatever tool,
//! the database refuses. A site that writes pledges at the deadline therefore learns of each whether it counted.
//!
//! Which pledges are in time is not the table's to judge: a row knows when it was written, not when somebody made the
//! promise, and one that an import hands over a minute after the deadline may well have been made before it. So a
//! pledge counts when it is there before its funding is settled, and is refused from then on. Fundings whose outcome
//! came from the site (they have no `settled_at`) take their pledges at any time.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// One look for each statement, however many rows it writes, and only at what it changes: bringing rows up to date
/// with what they are is no change.
///
/// The look locks the fundings, in the order of their ids. It waits for a settlement under way and then sees that the
/// funding is settled; and a settlement waits for whoever wrote pledges before it, and counts them.
///
/// Before the deadline writers share that lock. PostgreSQL lets those who share pass by one who waits for all of them to
/// end, so that in a rush of pledges the settlement would wait for ever; once the deadline is over, each therefore takes
/// the lock alone and in turn, and the settlement has its turn too.
const POSTGRES: &str = r#"
CREATE FUNCTION refuse_pledges_of_settled_fundings() RETURNS trigger LANGUAGE plpgsql AS $guard$
DECLARE
    concerned text[];
    one text;
    settled timestamptz;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(DISTINCT funding_id ORDER BY funding_id) INTO concerned FROM written;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(DISTINCT funding_id ORDER BY funding_id) INTO concerned FROM removed;
    ELSE
        SELECT array_agg(DISTINCT funding_id ORDER BY funding_id) INTO concerned FROM (
            (TABLE written EXCEPT TABLE removed) UNION ALL (TABLE removed EXCEPT TABLE written)
        ) AS changed;
    END IF;
    FOREACH one IN ARRAY COALESCE(concerned, '{}') LOOP
        PERFORM 1 FROM fundings WHERE id = one AND closes_at < clock_timestamp();
        IF FOUND THEN
            SELECT settled_at INTO settled FROM fundings WHERE id = one FOR NO KEY UPDATE;
        ELSE
            SELECT settled_at INTO settled FROM fundings WHERE id = one FOR SHARE;
        END IF;
        IF settled IS NOT NULL THEN
            RAISE EXCEPTION 'the funding % is settled: its pledges stay as they are', one
                USING ERRCODE = 'check_violation', TABLE = 'pledges', CONSTRAINT = 'pledges_of_open_fundings';
        END IF;
    END LOOP;
    RETURN NULL;
END
$guard$;
CREATE TRIGGER pledges_inserted AFTER INSERT ON pledges REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_pledges_of_settled_fundings();
CREATE TRIGGER pledges_updated AFTER UPDATE ON pledges REFERENCING OLD TABLE AS removed NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_pledges_of_settled_fundings();
CREATE TRIGGER pledges_deleted AFTER DELETE ON pledges REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_pledges_of_settled_fundings();
"#;

/// SQLite has one writer at a time. The message is a plain text: with an expression in it, programs with a SQLite that
/// is a few years old could not open the file.
const SQLITE: &str = r"
CREATE TRIGGER pledges_inserted AFTER INSERT ON pledges
WHEN EXISTS (SELECT 1 FROM fundings WHERE id = NEW.funding_id AND settled_at IS NOT NULL)
BEGIN
    SELECT RAISE(ABORT, 'the funding is settled: its pledges stay as they are');
END;
CREATE TRIGGER pledges_updated AFTER UPDATE ON pledges
WHEN (OLD.funding_id, OLD.user_id, OLD.amount_minor) IS NOT (NEW.funding_id, NEW.user_id, NEW.amount_minor)
    AND EXISTS (SELECT 1 FROM fundings WHERE id IN (OLD.funding_id, NEW.funding_id) AND settled_at IS NOT NULL)
BEGIN
    SELECT RAISE(ABORT, 'the funding is settled: its pledges stay as they are');
END;
CREATE TRIGGER pledges_deleted AFTER DELETE ON pledges
WHEN EXISTS (SELECT 1 FROM fundings WHERE id = OLD.funding_id AND settled_at IS NOT NULL)
BEGIN
    SELECT RAISE(ABORT, 'the funding is settled: its pledges stay as they are');
END;
";

const TRIGGERS: [&str; 3] = ["pledges_inserted", "pledges_updated", "pledges_deleted"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let guard = match manager.get_database_backend() {
            DbBackend::Postgres => POSTGRES,
            _ => SQLITE,
        };
        manager.get_connection().execute_unprepared(guard).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let postgres = manager.get_database_backend() == DbBackend::Postgres;
        let connection = manager.get_connection();
        for trigger in TRIGGERS {
            let of_table = if postgres { " ON pledges" } else { "" };
            let drop = format!("DROP TRIGGER {trigger}{of_table}");
            connection.execute_unprepared(&drop).await?;
        }
        if postgres {
            let drop = "DROP FUNCTION refuse_pledges_of_settled_fundings()";
            connection.execute_unprepared(drop).await?;
        }
        Ok(())
    }
}
