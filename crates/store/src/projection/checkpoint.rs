use chrono::{DateTime, Utc};
use proto_schemas::Epoch;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, Insert, QueryFilter, QueryTrait,
};

use super::{Position, Projected, sequence_from, sequence_to};
use crate::StoreError;
use crate::entity::projection_checkpoint as checkpoint;
use crate::error::Attempting;
use crate::instant::stored;

pub(crate) async fn position(
    connection: &impl ConnectionTrait,
    name: &str,
) -> Result<Option<Position>, StoreError> {
    let row = checkpoint::Entity::find_by_id(name)
        .one(connection)
        .await
        .attempting("reading the position of a projection")?;
    row.map(|row| {
        let epoch = Epoch::new(&row.epoch).map_err(|_| StoreError::Stored {
            row: format!("projection_checkpoint {name}"),
            column: "epoch",
            found: row.epoch.clone(),
        })?;
        Ok(Position {
            epoch,
            sequence: sequence_from(row.sequence),
        })
    })
    .transpose()
}

/// Moves a position. Until the transaction ends, nobody else moves it.
pub(crate) async fn advance(
    transaction: &DatabaseTransaction,
    name: &str,
    expected: Option<&Position>,
    new: &Position,
) -> Result<Projected, DbErr> {
    let now = stored(Utc::now());
    let moved = match expected {
        Some(old) => {
            let update = checkpoint::Entity::update_many()
                .col_expr(checkpoint::Column::Epoch, Expr::value(new.epoch.as_str()))
                .col_expr(
                    checkpoint::Column::Sequence,
                    Expr::value(sequence_to(new.sequence)),
                )
                .col_expr(checkpoint::Column::UpdatedAt, Expr::value(now))
                .filter(checkpoint::Column::Name.eq(name))
                .filter(checkpoint::Column::Epoch.eq(old.epoch.as_str()))
                .filter(checkpoint::Column::Sequence.eq(sequence_to(old.sequence)));
            update.exec(transaction).await?.rows_affected
        }
        None => {
            let first = first_checkpoint(name, new, now);
            let absent = OnConflict::column(checkpoint::Column::Name)
                .do_nothing()
                .to_owned();
            let insert = Insert::one(first).on_conflict(absent).into_query();
            transaction.execute(&insert).await?.rows_affected()
        }
    };
    Ok(if moved == 1 {
        Projected::Advanced
    } else {
        Projected::Lost
    })
}

fn first_checkpoint(name: &str, new: &Position, now: DateTime<Utc>) -> checkpoint::ActiveModel {
    checkpoint::ActiveModel {
        name: Set(name.to_owned()),
        epoch: Set(new.epoch.as_str().to_owned()),
        sequence: Set(sequence_to(new.sequence)),
        updated_at: Set(now),
    }
}
