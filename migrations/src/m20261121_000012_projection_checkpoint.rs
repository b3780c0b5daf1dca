use sea_orm_migration::prelude::*;

use crate::columns::{id, instant};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let projection_checkpoint = Table::create()
            .table("projection_checkpoint")
            .col(id(manager, "name").not_null().primary_key())
            // Which log the sequence is of: the same number means something else in another one.
            .col(id(manager, "epoch").not_null())
            .col(ColumnDef::new("sequence").big_integer().not_null())
            .col(instant("updated_at").not_null())
            .take();
        manager.create_table(projection_checkpoint).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("projection_checkpoint").take())
            .await
    }
}
