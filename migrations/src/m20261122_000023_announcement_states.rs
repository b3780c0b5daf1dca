use sea_orm_migration::prelude::*;

use crate::columns::{id, instant};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Only once a person did something with it: what is said to everybody must not cost a row for each of them.
        let announcement_states = Table::create()
            .table("announcement_states")
            .col(id(manager, "user_id").not_null())
            .col(ColumnDef::new("event_id").uuid().not_null())
            .col(instant("seen_at"))
            .col(instant("read_at"))
            .col(instant("archived_at"))
            .primary_key(Index::create().col("user_id").col("event_id"))
            .take();
        manager.create_table(announcement_states).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("announcement_states").take())
            .await
    }
}
