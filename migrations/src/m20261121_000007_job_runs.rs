use sea_orm_migration::prelude::*;

use crate::columns::{counts, id, instant};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut job_runs = Table::create()
            .table("job_runs")
            .col(ColumnDef::new("id").uuid().not_null().primary_key())
            .col(id(manager, "job").not_null())
            .col(instant("scheduled_at").not_null())
            // Rows of this run lie after this instant. Kept, so that every attempt looks at the same window.
            .col(instant("window_start").not_null())
            .col(id(manager, "state").not_null())
            // The keyset position of the job, as JSON that only the job reads.
            .col(ColumnDef::new("checkpoint").text())
            .col(instant("created_at").not_null())
            .col(instant("finished_at"))
            .col(ColumnDef::new("error").text())
            .take();
        counts(&mut job_runs);
        manager.create_table(job_runs).await?;
        // A job and an instant have one run, whoever comes first.
        let once = Index::create()
            .name("job_runs_job_scheduled_at")
            .table("job_runs")
            .col("job")
            .col("scheduled_at")
            .unique()
            .take();
        manager.create_index(once).await?;
        let unfinished = Index::create()
            .name("job_runs_unfinished")
            .table("job_runs")
            .col("scheduled_at")
            .and_where(Expr::col("state").eq("running"))
            .take();
        manager.create_index(unfinished).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("job_runs").take()).await
    }
}
