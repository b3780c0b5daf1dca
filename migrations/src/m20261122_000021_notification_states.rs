use sea_orm_migration::prelude::*;

use crate::columns::instant;

/// Counts, and pages of what counts, go by these. Each has the sequence, so that a page of it comes in order.
const STATES: [(&str, &[&str]); 2] = [
    ("notifications_unread", &["read_at", "archived_at"]),
    ("notifications_unseen", &["seen_at", "archived_at"]),
];

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
        for (name, absent) in STATES {
            let mut index = of_person(name);
            for column in absent {
                index.and_where(Expr::col(*column).is_null());
            }
            manager.create_index(index).await?;
        }
        // What is put away may be most of what a person has, and is hardly ever asked for.
        let archived = of_person("notifications_archived")
            .and_where(Expr::col("archived_at").is_not_null())
            .take();
        manager.create_index(archived).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in [
            "notifications_unread",
            "notifications_unseen",
            "notifications_archived",
        ] {
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

fn of_person(name: &'static str) -> IndexCreateStatement {
    Index::create()
        .name(name)
        .table("notifications")
        .col("user_id")
        .col("sequence")
        .take()
}

fn drop(name: &'static str) -> IndexDropStatement {
    Index::drop().name(name).table("notifications").to_owned()
}
