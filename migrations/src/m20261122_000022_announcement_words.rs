//! Announcements with what they say in every language, where they lead and when the log stored them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::columns::{instant, words};

/// What was kept of an earlier announcement is its first language; when it was stored nobody kept, and it was hardly
/// later than it happened.
const COPY: &str = "
INSERT INTO rebuilt_announcements (event_id, sequence, event_type, subject, title, body, locale, occurred_at,
    expires_at, words, stored_at)
SELECT event_id, sequence, event_type, subject, title, body, locale, occurred_at, expires_at, WORDS, occurred_at
FROM announcements
";

const WORDS_POSTGRES: &str =
    "json_build_array(json_build_object('locale', locale, 'title', title, 'body', body))::text";
const WORDS_SQLITE: &str = "json_array(json_object('locale', locale, 'title', title, 'body', body))";

const COPY_BACK: &str = "
INSERT INTO rebuilt_announcements (event_id, sequence, event_type, subject, title, body, locale, occurred_at, expires_at)
SELECT event_id, sequence, event_type, subject, title, body, locale, occurred_at, expires_at FROM announcements
";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let all_words = match manager.get_database_backend() {
            DbBackend::Postgres => WORDS_POSTGRES,
            _ => WORDS_SQLITE,
        };
        // SQLite adds no column that is to hold something in rows that are there.
        let table = announcements()
            // Every language, as a JSON array of what is in the event.
            .col(ColumnDef::new("words").text().not_null())
            .col(ColumnDef::new("link").text())
            // Whether it came in somebody's quiet hours is judged by this.
            .col(instant("stored_at").not_null())
            .take();
        replace(manager, table, &COPY.replace("WORDS", all_words)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        replace(manager, announcements(), COPY_BACK).await
    }
}

fn announcements() -> TableCreateStatement {
    let mut table = Table::create()
        .table("rebuilt_announcements")
        .col(ColumnDef::new("event_id").uuid().not_null().primary_key())
        .col(ColumnDef::new("sequence").big_integer().not_null().unique_key())
        .take();
    words(&mut table);
    table
}

async fn replace(manager: &SchemaManager<'_>, table: TableCreateStatement, copy: &str) -> Result<(), DbErr> {
    manager.create_table(table).await?;
    manager.get_connection().execute_unprepared(copy).await?;
    manager
        .drop_table(Table::drop().table("announcements").take())
        .await?;
    let rename = Table::rename()
        .table("rebuilt_announcements", "announcements")
        .take();
    manager.rename_table(rename).await
}
