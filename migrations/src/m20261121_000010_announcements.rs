use sea_orm_migration::prelude::*;

use crate::columns::words;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // What is for everybody is kept once, not once for each person.
        let mut announcements = Table::create()
            .table("announcements")
            .col(ColumnDef::new("event_id").uuid().not_null().primary_key())
            .col(ColumnDef::new("sequence").big_integer().not_null().unique_key())
            .take();
        words(&mut announcements);
        manager.create_table(announcements).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("announcements").take())
            .await
    }
}
