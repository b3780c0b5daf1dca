//! Which rows a run is about, joined with the people they concern.
//!
//! Every reader answers one page in the order of a key, beginning after the key it is given; the key of a page's last
//! row leads to the next and survives in a job's checkpoint. Rows of people or fundings that are not known are there
//! all the same, with what is missing left out.

mod alerts;
mod coupons;
mod follows;
mod lookups;
mod totals;

use std::sync::Arc;

use domain::notice::Habits;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, JoinType, QuerySelect, RelationDef, Select, Value};

pub use alerts::AlertKey;
pub use coupons::CouponKey;
pub use follows::FollowKey;
pub use lookups::Lookups;

use crate::entity::user;

/// How to speak to a user, by what their row says if there is one.
pub(crate) fn habits(locale: Option<&str>, time_zone: Option<&str>) -> Arc<Habits> {
    Arc::new(Habits::new(locale, time_zone))
}

/// Joins the users that a column names, and keeps rows whose user is not known.
pub(crate) fn with_users<E: EntityTrait>(select: Select<E>, user_id: E::Column) -> Select<E> {
    let users: RelationDef = E::belongs_to(user::Entity)
        .from(user_id)
        .to(user::Column::Id)
        .into();
    select.join(JoinType::LeftJoin, users)
}

/// `(columns) > (values)`: after a key, in the order of an index over those columns.
///
/// It stands in place of the lower bound that the first page has. With both, SQLite would begin at the bound and pass
/// over every row up to the key, on each page some more.
pub(crate) fn after<const N: usize, C: ColumnTrait>(columns: [C; N], values: [Value; N]) -> Expr {
    let columns = columns.map(|column| Expr::col(column.as_column_ref()));
    Expr::tuple(columns).gt(Expr::tuple(values.map(Expr::val)))
}
