use sea_orm_migration::prelude::*;

use crate::columns::id;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let follows = Table::create()
            .table("follows")
            .col(id(manager, "funding_id").not_null())
            .col(id(manager, "user_id").not_null())
            .primary_key(Index::create().col("funding_id").col("user_id"))
            .take();
        manager.create_table(follows).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("follows").take()).await
    }
}
