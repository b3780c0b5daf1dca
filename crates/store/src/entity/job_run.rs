use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "job_runs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub job: String,
    pub scheduled_at: DateTimeUtc,
    pub window_start: DateTimeUtc,
    pub state: String,
    pub checkpoint: Option<String>,
    pub read_count: i64,
    pub emitted: i64,
    pub already_emitted: i64,
    pub skipped: i64,
    pub created_at: DateTimeUtc,
    pub finished_at: Option<DateTimeUtc>,
    pub error: Option<String>,
    pub owner: Option<String>,
    pub leased_until: Option<DateTimeUtc>,
    pub fence: i32,
    pub origin: String,
    pub total: Option<i64>,
    pub restart: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
