use sea_orm_migration::prelude::*;

use crate::columns::{id, instant, words};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut notifications = Table::create()
            .table("notifications")
            .col(ColumnDef::new("event_id").uuid().not_null().primary_key())
            .col(id(manager, "user_id").not_null())
            .col(ColumnDef::new("sequence").big_integer().not_null())
            .col(instant("read_at"))
            .take();
        words(&mut notifications);
        manager.create_table(notifications).await?;
        // Newest first, page by page. Unique, so that a page never ends in the middle of a sequence.
        let newest_first = Index::create()
            .name("notifications_user_id_sequence")
            .table("notifications")
            .col("user_id")
            .col("sequence")
            .unique()
            .take();
        manager.create_index(newest_first).await?;
        // The count beside the bell, asked for on every page of the site.
        let unread = Index::create()
            .name("notifications_unread")
            .table("notifications")
            .col("user_id")
            .and_where(Expr::col("read_at").is_null())
            .take();
        manager.create_index(unread).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("notifications").take())
            .await
    }
}
