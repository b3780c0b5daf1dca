//! The tables, and how to make one that is like another.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use super::is_postgres;
use crate::Store;
use crate::projection::Tables;

/// Where a rebuild writes.
pub(super) const REBUILD: Tables = Tables {
    notifications: "rebuild_notifications",
    announcements: "rebuild_announcements",
    announcement_states: "rebuild_announcement_states",
    preferences: "rebuild_preferences",
    set_aside: "rebuild_set_aside",
};

/// What has to be known of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// What everybody calls it.
    pub(super) live: &'static str,
    pub(super) keys: &'static [Key],
    /// What says nothing of the log: when something was done, and in which words of this version.
    pub(super) passed_over: &'static [&'static str],
}

/// A column of a primary key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key {
    /// SQLite keeps it as bytes.
    Uuid(&'static str),
    Plain(&'static str),
}

/// All of them. Whoever reads several takes notifications first, and the swap locks them in this order.
pub(super) const SHAPES: [Shape; 5] = [
    Shape {
        live: Tables::LIVE.notifications,
        keys: &[Key::Uuid("event_id")],
        passed_over: &[],
    },
    Shape {
        live: Tables::LIVE.announcements,
        keys: &[Key::Uuid("event_id")],
        passed_over: &[],
    },
    Shape {
        live: Tables::LIVE.announcement_states,
        keys: &[Key::Plain("user_id"), Key::Uuid("event_id")],
        passed_over: &[],
    },
    Shape {
        live: Tables::LIVE.preferences,
        keys: &[Key::Plain("user_id")],
        passed_over: &[],
    },
    Shape {
        live: Tables::LIVE.set_aside,
        keys: &[Key::Plain("sequence")],
        passed_over: &["reason", "set_aside_at"],
    },
];

impl Key {
    pub(super) fn column(self) -> &'static str {
        match self {
            Self::Uuid(column) | Self::Plain(column) => column,
        }
    }
}

impl Shape {
    pub(super) fn rebuild(self) -> String {
        format!("rebuild_{}", self.live)
    }

    pub(super) fn replaced(self) -> String {
        format!("replaced_{}", self.live)
    }

    /// The names of its columns, as they are now.
    pub(super) async fn columns(self, connection: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
        let sql = if is_postgres(connection) {
            "SELECT attname::text AS name FROM pg_attribute \
             WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        } else {
            "SELECT name FROM pragma_table_info($1) ORDER BY cid"
        };
        names(connection, sql, self.live).await
    }

    /// Statements that make the empty new table. On PostgreSQL without indexes; SQLite knows no primary key that is made
    /// later.
    pub(super) async fn like_the_live_one(self, store: &Store) -> Result<Vec<String>, DbErr> {
        let (live, rebuild) = (self.live, self.rebuild());
        let connection = store.connection();
        if is_postgres(connection) {
            let mut statements = vec![format!(
                "CREATE TABLE {rebuild} (LIKE {live} INCLUDING ALL EXCLUDING INDEXES)"
            )];
            // Or the first swap would lock out whoever was let in to read.
            statements.extend(names(connection, GRANTS, live).await?);
            return Ok(statements);
        }
        let sql = "SELECT sql AS name FROM sqlite_schema WHERE type = 'table' AND name = $1";
        let made = names(connection, sql, live).await?;
        let columns = made.first().and_then(|sql| sql.find('(').map(|at| &sql[at..]));
        let columns =
            columns.ok_or_else(|| DbErr::RecordNotFound(format!("how the table {live} was made")))?;
        Ok(vec![format!("CREATE TABLE {rebuild} {columns}")])
    }
}

/// What others than the owner may do with a table, as statements for the new one.
const GRANTS: &str = "
SELECT format('GRANT %s ON rebuild_%s TO %s%s', privilege_type, c.relname,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
    CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS name
FROM pg_class c, aclexplode(c.relacl) WHERE c.oid = $1::regclass AND grantee <> c.relowner
";

/// The texts that a question about a table has as `name`.
pub(super) async fn names(
    connection: &impl ConnectionTrait,
    sql: &str,
    table: &str,
) -> Result<Vec<String>, DbErr> {
    let backend: DbBackend = connection.get_database_backend();
    let question = Statement::from_sql_and_values(backend, sql, [table.into()]);
    let rows = connection.query_all_raw(question).await?;
    rows.iter().map(|row| row.try_get("", "name")).collect()
}
