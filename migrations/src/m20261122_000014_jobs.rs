use sea_orm_migration::prelude::*;

use crate::columns::{id, instant};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let jobs = Table::create()
            .table("jobs")
            .col(id(manager, "job").not_null().primary_key())
            // Every scheduled instant from when the job was first seen up to here has its run or its skip.
            .col(instant("accounted_until").not_null())
            // The last pause. It goes on while it has no end.
            .col(instant("pause_began"))
            .col(instant("pause_ended"))
            .take();
        manager.create_table(jobs).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("jobs").take()).await
    }
}
