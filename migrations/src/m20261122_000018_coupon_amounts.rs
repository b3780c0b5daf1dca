use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // What a coupon is worth; one that does not say has neither.
        let amount = [
            ColumnDef::new("amount_minor").big_integer().take(),
            ColumnDef::new("currency").char_len(3).take(),
        ];
        for column in amount {
            // SQLite adds one column a statement.
            let add = Table::alter().table("coupons").add_column(column).take();
            manager.alter_table(add).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["amount_minor", "currency"] {
            let drop = Table::alter().table("coupons").drop_column(column).take();
            manager.alter_table(drop).await?;
        }
        Ok(())
    }
}
