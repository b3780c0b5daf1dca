use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A run that is done again finds what it announced by the instant it was scheduled for.
        let announced = Index::create()
            .name("fundings_announced_at_id")
            .table("fundings")
            .col("announced_at")
            .col("id")
            .and_where(Expr::col("announced_at").is_not_null())
            .take();
        manager.create_index(announced).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let announced = Index::drop()
            .name("fundings_announced_at_id")
            .table("fundings")
            .to_owned();
        manager.drop_index(announced).await
    }
}
