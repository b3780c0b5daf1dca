use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "job_skips")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub job: String,
    pub first_at: DateTimeUtc,
    #[sea_orm(primary_key, auto_increment = false)]
    pub last_at: DateTimeUtc,
    pub instants: i64,
    pub reason: String,
    pub superseded_by: Option<DateTimeUtc>,
    pub paused: bool,
    pub recorded_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
