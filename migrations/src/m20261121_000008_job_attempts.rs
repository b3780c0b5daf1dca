use sea_orm_migration::prelude::*;

use crate::columns::{counts, id, instant};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut job_attempts = Table::create()
            .table("job_attempts")
            .col(ColumnDef::new("id").uuid().not_null().primary_key())
            .col(ColumnDef::new("run_id").uuid().not_null())
            .col(ColumnDef::new("number").integer().not_null())
            .col(instant("started_at").not_null())
            .col(instant("ended_at"))
            .col(id(manager, "state").not_null())
            .col(ColumnDef::new("error").text())
            .take();
        counts(&mut job_attempts);
        manager.create_table(job_attempts).await?;
        let of_run = Index::create()
            .name("job_attempts_run_id_number")
            .table("job_attempts")
            .col("run_id")
            .col("number")
            .unique()
            .take();
        manager.create_index(of_run).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("job_attempts").take())
            .await
    }
}
