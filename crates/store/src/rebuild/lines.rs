//! Rows as text, for people who want to see them.

use chrono::SecondsFormat;
use sea_orm::{ActiveModelTrait, ActiveValue, EntityTrait, IdenStatic as _, Iterable as _, Value};
use serde_json::{Map, Value as Json};

/// Says when this was run.
const PASSED_OVER: &str = "set_aside_at";

/// A JSON object for each row, with the name of its table first.
pub(super) fn of<E, A>(table: &str, rows: Vec<A>) -> impl Iterator<Item = String>
where
    E: EntityTrait,
    A: ActiveModelTrait<Entity = E>,
{
    rows.into_iter().map(move |mut row| {
        let mut object = Map::new();
        object.insert("table".to_owned(), table.into());
        for column in E::Column::iter().filter(|column| column.as_str() != PASSED_OVER) {
            object.insert(column.as_str().to_owned(), json(row.take(column)));
        }
        Json::Object(object).to_string()
    })
}

fn json(value: ActiveValue<Value>) -> Json {
    match value.into_value() {
        Some(Value::String(Some(text))) => text.into(),
        Some(Value::BigInt(Some(number))) => number.into(),
        Some(Value::Uuid(Some(id))) => id.to_string().into(),
        Some(Value::Bytes(Some(bytes))) => String::from_utf8_lossy(&bytes).into(),
        Some(Value::ChronoDateTimeUtc(Some(instant))) => {
            instant.to_rfc3339_opts(SecondsFormat::Micros, true).into()
        }
        _ => Json::Null,
    }
}
