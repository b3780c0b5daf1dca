use sea_orm_migration::prelude::*;

use crate::columns::{id, instant};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let fundings = Table::create()
            .table("fundings")
            .col(id(manager, "id").not_null().primary_key())
            .col(ColumnDef::new("title").text().not_null())
            .col(ColumnDef::new("goal_minor").big_integer().not_null())
            .col(ColumnDef::new("raised_minor").big_integer())
            .col(ColumnDef::new("currency").char_len(3).not_null())
            .col(instant("closes_at").not_null())
            .col(ColumnDef::new("status").text().not_null().default("open"))
            .col(id(manager, "maker_id"))
            .col(instant("settled_at"))
            // What counted at settlement: `raised_minor` and the pledges may move on.
            .col(ColumnDef::new("collected_minor").big_integer())
            .col(instant("announced_at"))
            .take();
        manager.create_table(fundings).await?;
        let by_deadline = Index::create()
            .name("fundings_status_closes_at_id")
            .table("fundings")
            .col("status")
            .col("closes_at")
            .col("id")
            .take();
        manager.create_index(by_deadline).await?;
        // A handful of rows at any time, looked for every minute.
        let unannounced = Index::create()
            .name("fundings_unannounced")
            .table("fundings")
            .col("id")
            .and_where(Expr::col("settled_at").is_not_null())
            .and_where(Expr::col("announced_at").is_null())
            .take();
        manager.create_index(unannounced).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("fundings").take()).await
    }
}
