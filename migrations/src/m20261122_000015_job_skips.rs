use sea_orm_migration::prelude::*;

use crate::columns::{count, id, instant};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Ranges, not instants: a job of every second that was down for a month missed millions for one reason.
        let job_skips = Table::create()
            .table("job_skips")
            .col(id(manager, "job").not_null())
            .col(instant("first_at").not_null())
            .col(instant("last_at").not_null())
            .col(count("instants"))
            .col(id(manager, "reason").not_null())
            .col(instant("superseded_by"))
            .col(ColumnDef::new("paused").boolean().not_null())
            .col(instant("recorded_at").not_null())
            // Ranges of a job do not overlap, so the last instant finds one. The history goes by it.
            .primary_key(Index::create().col("job").col("last_at"))
            .take();
        manager.create_table(job_skips).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("job_skips").take()).await
    }
}
