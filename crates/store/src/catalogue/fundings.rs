use std::collections::HashMap;

use domain::catalogue::Funding;
use domain::money::Currency;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use super::upsert::{DefaultColumn, Row, new_or_stored, upsert};
use crate::entity::funding::{ActiveModel, Column, Entity};
use crate::error::Attempting;
use crate::instant::stored;
use crate::money::currency;
use crate::{Store, StoreError};

/// How many ids one statement asks for.
const IDS_A_STATEMENT: usize = 10_000;

impl Store {
    /// Adds fundings or brings them up to date, all or none. What a row does not say stays as it is.
    ///
    /// Of a funding that Lastcall has settled only the title and the maker still change: status, deadline and amounts
    /// are what people were told and what the events were derived from.
    pub async fn upsert_fundings(&self, fundings: &[Funding]) -> Result<(), StoreError> {
        upsert(self, fundings).await.attempting("writing fundings")
    }

    /// The currency of each of these fundings that is known.
    pub async fn currencies_of(&self, fundings: &[String]) -> Result<HashMap<String, Currency>, StoreError> {
        let mut currencies = HashMap::with_capacity(fundings.len());
        for ids in fundings.chunks(IDS_A_STATEMENT) {
            let rows: Vec<(String, String)> = Entity::find()
                .select_only()
                .column(Column::Id)
                .column(Column::Currency)
                .filter(Column::Id.is_in(ids))
                .into_tuple()
                .all(self.connection())
                .await
                .attempting("reading the currencies of fundings")?;
            for (id, code) in rows {
                let currency = currency(&id, &code)?;
                currencies.insert(id, currency);
            }
        }
        Ok(currencies)
    }
}

impl Row for Funding {
    type Key = String;
    type Active = ActiveModel;

    fn key(&self) -> Self::Key {
        self.id.clone()
    }

    fn inherit(&mut self, earlier: &Self) {
        if self.goal.currency == earlier.goal.currency {
            self.raised = self.raised.or(earlier.raised);
        }
        self.status = self.status.or(earlier.status);
        self.maker_id = self.maker_id.take().or_else(|| earlier.maker_id.clone());
    }

    fn default_column(&self) -> DefaultColumn {
        DefaultColumn::of(self.status.as_ref())
    }

    fn active(&self) -> ActiveModel {
        ActiveModel {
            id: Set(self.id.clone()),
            title: Set(self.title.clone()),
            goal_minor: Set(self.goal.minor_units),
            raised_minor: Set(self.raised.map(|raised| raised.minor_units)),
            currency: Set(self.goal.currency.code().to_owned()),
            closes_at: Set(stored(self.closes_at)),
            status: self
                .status
                .map_or(NotSet, |status| Set(status.as_str().to_owned())),
            maker_id: Set(self.maker_id.as_ref().map(|maker| maker.as_str().to_owned())),
            settled_at: NotSet,
            collected_minor: NotSet,
            announced_at: NotSet,
        }
    }

    fn on_conflict(default: DefaultColumn) -> OnConflict {
        let mut update = OnConflict::column(Column::Id);
        update
            .update_column(Column::Title)
            .value(Column::GoalMinor, unless_settled("goal_minor", NEW_GOAL))
            .value(Column::RaisedMinor, unless_settled("raised_minor", NEW_RAISED))
            .value(Column::Currency, unless_settled("currency", NEW_CURRENCY))
            .value(Column::ClosesAt, unless_settled("closes_at", NEW_DEADLINE))
            .value(Column::MakerId, new_or_stored("fundings", "maker_id"));
        if default == DefaultColumn::Given {
            update.value(Column::Status, unless_settled("status", NEW_STATUS));
        }
        update
    }
}

const NEW_GOAL: &str = r#""excluded"."goal_minor""#;
const NEW_CURRENCY: &str = r#""excluded"."currency""#;
const NEW_DEADLINE: &str = r#""excluded"."closes_at""#;
const NEW_STATUS: &str = r#""excluded"."status""#;

/// Minor units mean another amount in another currency, so what is stored is only kept in the same one.
const NEW_RAISED: &str = r#"CASE WHEN "excluded"."currency" = "fundings"."currency"
    THEN COALESCE("excluded"."raised_minor", "fundings"."raised_minor") ELSE "excluded"."raised_minor" END"#;

fn unless_settled(column: &str, new: &str) -> Expr {
    Expr::cust(format!(
        r#"CASE WHEN "fundings"."settled_at" IS NULL THEN {new} ELSE "fundings"."{column}" END"#
    ))
}
