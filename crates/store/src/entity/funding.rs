use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "fundings")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub title: String,
    pub goal_minor: i64,
    pub raised_minor: Option<i64>,
    pub currency: String,
    pub closes_at: DateTimeUtc,
    pub status: String,
    pub maker_id: Option<String>,
    pub settled_at: Option<DateTimeUtc>,
    pub collected_minor: Option<i64>,
    pub announced_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
