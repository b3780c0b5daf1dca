use sea_orm_migration::prelude::*;

use crate::columns::id;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let preferences = Table::create()
            .table("preferences")
            .col(id(manager, "user_id").not_null().primary_key())
            // Of the event that said them last.
            .col(ColumnDef::new("sequence").big_integer().not_null())
            // As in that event. Nothing looks into them by SQL.
            .col(ColumnDef::new("preferences").text().not_null())
            .take();
        manager.create_table(preferences).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("preferences").take())
            .await
    }
}
