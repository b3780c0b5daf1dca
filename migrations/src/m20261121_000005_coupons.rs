use sea_orm_migration::prelude::*;

use crate::columns::{id, instant};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let coupons = Table::create()
            .table("coupons")
            .col(id(manager, "id").not_null().primary_key())
            .col(id(manager, "user_id").not_null())
            .col(id(manager, "funding_id"))
            .col(instant("expires_at").not_null())
            .col(ColumnDef::new("status").text().not_null().default("active"))
            // Set where settlement gave it; the shop's own coupons have none.
            .col(instant("issued_at"))
            .take();
        manager.create_table(coupons).await?;
        let by_expiry = Index::create()
            .name("coupons_status_expires_at_id")
            .table("coupons")
            .col("status")
            .col("expires_at")
            .col("id")
            .take();
        manager.create_index(by_expiry).await?;
        let by_backer = Index::create()
            .name("coupons_funding_id_user_id")
            .table("coupons")
            .col("funding_id")
            .col("user_id")
            .take();
        manager.create_index(by_backer).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("coupons").take()).await
    }
}
