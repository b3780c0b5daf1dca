use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::columns::instant;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column a statement.
        for column in [
            instant("seen_at"),
            instant("archived_at"),
            // Why it came without an alert, if it did.
            ColumnDef::new("silenced").text().take(),
        ] {
            let add = Table::alter().table("notifications").add_column(column).take();
            manager.alter_table(add).await?;
        }
        manager.drop_index(drop("notifications_unread")).await?;
        let unread = unread(manager.get_database_backend());
        manager.create_index(unread).await?;
        // What is put away may be most of what a person has, and is hardly ever asked for.
        let archived = Index::create()
            .name("notifications_archived")
            .table("notifications")
            .col("user_id")
            .col("sequence")
            .and_where(Expr::col("archived_at").is_not_null())
            .take();
        manager.create_index(archived).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["notifications_unread", "notifications_archived"] {
            manager.drop_index(drop(name)).await?;
        }
        let unread = Index::create()
            .name("notifications_unread")
            .table("notifications")
            .col("user_id")
            .and_where(Expr::col("read_at").is_null())
            .take();
        manager.create_index(unread).await?;
        for column in ["seen_at", "archived_at", "silenced"] {
            let drop = Table::alter().table("notifications").drop_column(column).take();
            manager.alter_table(drop).await?;
        }
        Ok(())
    }
}

/// Counts, and pages of what counts. Whoever has not seen a line has not read it either, so one index serves both counts.
///
/// SQLite uses an index alone only where it has all that is asked about, and among indexes that begin alike it takes the
/// smallest, which is that of all lines: so this one begins with what the others do not have.
fn unread(engine: DbBackend) -> IndexCreateStatement {
    let columns: &[&'static str] = match engine {
        DbBackend::Postgres => &["user_id", "sequence", "seen_at"],
        _ => &["user_id", "read_at", "archived_at", "sequence", "seen_at"],
    };
    let mut unread = Index::create()
        .name("notifications_unread")
        .table("notifications")
        .take();
    for column in columns {
        unread.col(*column);
    }
    unread
        .and_where(Expr::col("read_at").is_null())
        .and_where(Expr::col("archived_at").is_null())
        .take()
}

fn drop(name: &'static str) -> IndexDropStatement {
    Index::drop().name(name).table("notifications").to_owned()
}
