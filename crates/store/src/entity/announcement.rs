use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "announcements")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub event_id: Uuid,
    pub sequence: i64,
    pub event_type: String,
    pub subject: String,
    pub title: String,
    pub body: String,
    pub locale: String,
    pub occurred_at: DateTimeUtc,
    pub expires_at: Option<DateTimeUtc>,
    pub words: String,
    pub link: Option<String>,
    pub stored_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
