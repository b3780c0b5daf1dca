use sea_orm_migration::prelude::*;

use crate::columns::instant;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let set_aside = Table::create()
            .table("set_aside")
            .col(ColumnDef::new("sequence").big_integer().not_null().primary_key())
            .col(ColumnDef::new("subject").text().not_null())
            .col(ColumnDef::new("payload").blob().not_null())
            .col(ColumnDef::new("reason").text().not_null())
            .col(instant("set_aside_at").not_null())
            .take();
        manager.create_table(set_aside).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("set_aside").take()).await
    }
}
