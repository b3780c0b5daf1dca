use chrono::Utc;
use domain::catalogue::Alert;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{CaseStatement, Condition, Expr, ExprTrait, OnConflict};

use super::upsert::{DefaultColumn, Row, new_or_stored, upsert};
use crate::entity::alert::{ActiveModel, Column};
use crate::error::Attempting;
use crate::instant::stored;
use crate::{Store, StoreError};

impl Store {
    /// Adds the site's alerts or brings them up to date, all or none. What a row does not say stays as it is.
    ///
    /// A new one counts as set since ever: the site has had it for longer than we know. One whose time changes counts as
    /// moved now. Alerts that people set themselves are not touched; a row under the id of one of its owner's is refused.
    pub async fn upsert_alerts(&self, alerts: &[Alert]) -> Result<(), StoreError> {
        upsert(self, alerts).await.attempting("writing alerts")
    }
}

impl Row for Alert {
    type Key = String;
    type Active = ActiveModel;

    fn key(&self) -> Self::Key {
        self.id.clone()
    }

    fn inherit(&mut self, earlier: &Self) {
        self.content = self.content.take().or_else(|| earlier.content.clone());
        self.weekdays = self.weekdays.or(earlier.weekdays);
        self.time_zone = self.time_zone.or(earlier.time_zone);
    }

    fn default_column(&self) -> DefaultColumn {
        DefaultColumn::of(self.weekdays.as_ref())
    }

    fn active(&self) -> ActiveModel {
        ActiveModel {
            user_id: Set(self.user_id.as_str().to_owned()),
            id: Set(self.id.clone()),
            title: Set(self.title.clone()),
            content: Set(self.content.clone()),
            at_minute: Set(self.at.minute().cast_signed()),
            weekdays: self.weekdays.map_or(NotSet, |days| Set(days.bits().into())),
            time_zone: Set(self.time_zone.map(|zone| zone.name().to_owned())),
            effective_zone: NotSet,
            effective_from: NotSet,
            created_at: NotSet,
        }
    }

    fn on_conflict(default: DefaultColumn) -> OnConflict {
        let mut update = OnConflict::column(Column::Id);
        update
            .target_and_where(Expr::col(Column::CreatedAt).is_null())
            .update_columns([Column::UserId, Column::Title, Column::AtMinute])
            .value(Column::Content, new_or_stored("alerts", "content"))
            .value(Column::TimeZone, new_or_stored("alerts", "time_zone"))
            .value(Column::EffectiveFrom, effective_from(default));
        if default == DefaultColumn::Given {
            update.update_column(Column::Weekdays);
        }
        update
    }
}

/// Now, where the row moves the alert to another time; else what it was.
fn effective_from(weekdays: DefaultColumn) -> Expr {
    let mut changed = vec!["at_minute"];
    if weekdays == DefaultColumn::Given {
        changed.push("weekdays");
    }
    let changed = changed
        .into_iter()
        .map(|column| Expr::cust(format!(r#""excluded"."{column}" <> "alerts"."{column}""#)));
    let zone_changed = r#""excluded"."time_zone" <> COALESCE("alerts"."time_zone", '')"#;
    let moved = changed
        .chain([Expr::cust(zone_changed)])
        .fold(Condition::any(), Condition::add);
    CaseStatement::new()
        .case(moved, Expr::val(stored(Utc::now())))
        .finally(Expr::cust(r#""alerts"."effective_from""#))
        .into()
}
