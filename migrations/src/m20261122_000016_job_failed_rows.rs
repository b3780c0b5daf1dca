use sea_orm_migration::prelude::*;

use crate::columns::id;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let job_failed_rows = Table::create()
            .table("job_failed_rows")
            .col(ColumnDef::new("run_id").uuid().not_null())
            .col(id(manager, "row_key").not_null())
            .col(ColumnDef::new("reason").text().not_null())
            // A page that is done again finds the same rows failing, and they are recorded once.
            .primary_key(Index::create().col("run_id").col("row_key"))
            .take();
        manager.create_table(job_failed_rows).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("job_failed_rows").take())
            .await
    }
}
