use sea_orm_migration::prelude::*;

use crate::columns::{id, instant};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            // Who has the run. Nobody, while it waits, is in back-off or has ended.
            ColumnDef::new("owner").text().take(),
            // With an owner, the end of its lease; without one, the end of the back-off.
            instant("leased_until"),
            // The number of the newest attempt, which alone may write.
            ColumnDef::new("fence").integer().not_null().default(0).take(),
            // Whether the schedule or a person asked for the run.
            id(manager, "origin").not_null().default("schedule").take(),
            // How many rows the job expects to read.
            ColumnDef::new("total").big_integer().take(),
            // From where the run starts again once it has failed, as JSON: before the first page with a failed row.
            ColumnDef::new("restart").text().take(),
        ];
        for column in columns {
            // SQLite adds one column a statement.
            let add = Table::alter().table("job_runs").add_column(column).take();
            manager.alter_table(add).await?;
        }
        // The next attempt at a run that is under way takes the number after its last one.
        let last_attempt = "UPDATE job_runs SET fence = COALESCE(\
             (SELECT MAX(number) FROM job_attempts WHERE job_attempts.run_id = job_runs.id), 0)";
        manager.get_connection().execute_unprepared(last_attempt).await?;
        let by_instant = Index::drop()
            .name("job_runs_unfinished")
            .table("job_runs")
            .to_owned();
        manager.drop_index(by_instant).await?;
        // Waiting or running, in words without a value: SQLite uses a partial index only where it can see that the
        // query is about the same rows, and a value is bound after that.
        let unfinished = Index::create()
            .name("job_runs_unfinished")
            .table("job_runs")
            .col("job")
            .col("scheduled_at")
            .and_where(Expr::col("finished_at").is_null())
            .take();
        manager.create_index(unfinished).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let unfinished = Index::drop()
            .name("job_runs_unfinished")
            .table("job_runs")
            .to_owned();
        manager.drop_index(unfinished).await?;
        for column in ["owner", "leased_until", "fence", "origin", "total", "restart"] {
            let drop = Table::alter().table("job_runs").drop_column(column).take();
            manager.alter_table(drop).await?;
        }
        let by_instant = Index::create()
            .name("job_runs_unfinished")
            .table("job_runs")
            .col("scheduled_at")
            .and_where(Expr::col("state").eq("running"))
            .take();
        manager.create_index(by_instant).await
    }
}
