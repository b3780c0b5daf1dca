use sea_orm_migration::prelude::*;

use crate::columns::id;

/// Every weekday, one bit each.
const DAILY: i16 = 0b111_1111;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let alerts = Table::create()
            .table("alerts")
            .col(id(manager, "id").not_null().primary_key())
            .col(id(manager, "user_id").not_null())
            .col(ColumnDef::new("title").text().not_null())
            // Minutes since midnight on the owner's clock.
            .col(ColumnDef::new("at_minute").small_integer().not_null())
            // One bit for each day, Monday the lowest.
            .col(
                ColumnDef::new("weekdays")
                    .small_integer()
                    .not_null()
                    .default(DAILY),
            )
            .take();
        manager.create_table(alerts).await?;
        let by_minute = Index::create()
            .name("alerts_at_minute_id")
            .table("alerts")
            .col("at_minute")
            .col("id")
            .take();
        manager.create_index(by_minute).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("alerts").take()).await
    }
}
