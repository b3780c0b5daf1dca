use sea_orm_migration::prelude::*;

use crate::columns::id;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let users = Table::create()
            .table("users")
            .col(id(manager, "id").not_null().primary_key())
            .col(ColumnDef::new("locale").text())
            .col(id(manager, "time_zone"))
            .col(ColumnDef::new("email").text())
            .col(ColumnDef::new("phone").text())
            .take();
        manager.create_table(users).await?;
        // The reminder job asks every ten minutes which zones there are.
        let by_zone = Index::create()
            .name("users_time_zone")
            .table("users")
            .col("time_zone")
            .take();
        manager.create_index(by_zone).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("users").take()).await
    }
}
