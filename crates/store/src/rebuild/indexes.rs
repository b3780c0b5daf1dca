//! The indexes of the new tables: whatever the live ones have, under names of their own until the swap.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, Statement};
use tokio::try_join;

use super::is_postgres;
use super::lock::{RebuildLock, Session};
use super::shape::{SHAPES, Shape};
use crate::Store;
use crate::error::Cause;

/// An index of a live table.
#[derive(Debug, FromQueryResult)]
pub(super) struct Index {
    pub(super) name: String,
    /// `CREATE [UNIQUE] INDEX …`.
    definition: String,
    /// `p` where it is the primary key, `u` where it is another constraint, else nothing.
    constraint_kind: String,
}

const OF_POSTGRES: &str = "
SELECT i.relname::text AS name, pg_get_indexdef(x.indexrelid) AS definition,
    coalesce(k.contype::text, '') AS constraint_kind
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
LEFT JOIN pg_constraint k ON k.conindid = x.indexrelid AND k.contype IN ('p', 'u')
WHERE x.indrelid = $1::regclass ORDER BY x.indisprimary DESC, x.indisunique DESC, i.relname
";

/// Those of constraints are part of the table there.
const OF_SQLITE: &str = "
SELECT name, sql AS definition, '' AS constraint_kind
FROM sqlite_schema WHERE type = 'index' AND tbl_name = $1 AND sql IS NOT NULL ORDER BY name
";

/// Of the same event once more, the later message goes.
const DUPLICATES: &str = "
DELETE FROM {table} later USING {table} earlier
WHERE later.event_id = earlier.event_id AND later.sequence > earlier.sequence
";

/// Makes them all, and lets PostgreSQL look at what there is: without statistics the first questions after a swap would be
/// answered by reading whole tables.
pub(super) async fn make(store: &Store, lock: &mut RebuildLock) -> Result<(), DbErr> {
    match lock {
        RebuildLock::Postgres(sessions) => {
            // Notifications are the first of them.
            let (told, others) = SHAPES.split_at(1);
            try_join!(
                make_all(store, Session::Postgres(&mut sessions.told), told),
                make_all(store, Session::Postgres(&mut sessions.others), others),
            )?;
            Ok(())
        }
        RebuildLock::Sqlite { .. } => make_all(store, Session::Sqlite(store.connection()), &SHAPES).await,
    }
}

async fn make_all(store: &Store, mut session: Session<'_>, shapes: &[Shape]) -> Result<(), DbErr> {
    for shape in shapes {
        for index in of(store.connection(), *shape).await? {
            let create = index.create(&index.rebuild_name(), &shape.rebuild());
            match session.execute(&create).await {
                Err(error) if index.is_primary() && Cause::from(error.clone()).refuses_rows() => {
                    let once = DUPLICATES.replace("{table}", &shape.rebuild());
                    session.execute(&once).await?;
                    session.execute(&create).await?;
                }
                made => made?,
            }
            if let Some(constraint) = index.constraint(&shape.rebuild()) {
                session.execute(&constraint).await?;
            }
        }
        if is_postgres(store.connection()) {
            session.execute(&format!("ANALYZE {}", shape.rebuild())).await?;
        }
    }
    Ok(())
}

/// Those of a live table.
pub(super) async fn of(connection: &impl ConnectionTrait, shape: Shape) -> Result<Vec<Index>, DbErr> {
    let sql = if is_postgres(connection) {
        OF_POSTGRES
    } else {
        OF_SQLITE
    };
    let backend: DbBackend = connection.get_database_backend();
    let question = Statement::from_sql_and_values(backend, sql, [shape.live.into()]);
    Index::find_by_statement(question).all(connection).await
}

impl Index {
    pub(super) fn rebuild_name(&self) -> String {
        format!("rebuild_{}", self.name)
    }

    pub(super) fn replaced_name(&self) -> String {
        format!("replaced_{}", self.name)
    }

    fn is_primary(&self) -> bool {
        self.constraint_kind == "p"
    }

    /// The same index of another table.
    pub(super) fn create(&self, name: &str, table: &str) -> String {
        let unique = if self.definition.starts_with("CREATE UNIQUE") {
            "UNIQUE "
        } else {
            ""
        };
        // What comes behind the table's name: PostgreSQL names the method first.
        let rest = [" USING ", "("]
            .iter()
            .find_map(|begin| self.definition.find(begin));
        let rest = rest.map_or("", |at| &self.definition[at..]);
        format!("CREATE {unique}INDEX {name} ON {table} {rest}")
    }

    fn constraint(&self, table: &str) -> Option<String> {
        let name = self.rebuild_name();
        let kind = match self.constraint_kind.as_str() {
            "p" => "PRIMARY KEY",
            "u" => "UNIQUE",
            _ => return None,
        };
        Some(format!(
            "ALTER TABLE {table} ADD CONSTRAINT {name} {kind} USING INDEX {name}"
        ))
    }
}
