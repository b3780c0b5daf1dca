use domain::money::Currency;
use domain::settlement::Outcome;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::FundingError;
use crate::StoreError;
use crate::entity::{funding, pledge};
use crate::error::Attempting;
use crate::money::money;

/// What becomes of a funding, and upon what that was decided.
pub(super) struct Decision {
    pub(super) currency: Currency,
    pub(super) collected_minor: i64,
    pub(super) outcome: Outcome,
}

impl Decision {
    /// Decides upon what the site says was raised, else upon the pledges as they are now.
    pub(super) async fn upon(
        connection: &impl ConnectionTrait,
        funding: &funding::Model,
    ) -> Result<Self, FundingError> {
        let currency = currency_of(funding)?;
        let collected_minor = match funding.raised_minor {
            Some(raised) => raised,
            None => {
                let sum = pledged(connection, &funding.id).await?;
                sum.try_into().map_err(|_| {
                    let reason = format!("its pledges add up to {sum} minor units, more than can be kept");
                    FundingError::bad(&funding.id, reason)
                })?
            }
        };
        let outcome = Outcome::decide(
            money(currency, funding.goal_minor),
            money(currency, collected_minor),
        );
        Ok(Self {
            currency,
            collected_minor,
            outcome,
        })
    }
}

pub(super) fn currency_of(funding: &funding::Model) -> Result<Currency, FundingError> {
    funding
        .currency
        .parse()
        .map_err(|error: domain::money::MoneyError| {
            FundingError::bad(&funding.id, format!("currency: {error}"))
        })
}

/// The sum of the pledges. Upper and lower halves are added up apart: SQLite fails where a sum is beyond 64 bits, and
/// what PostgreSQL makes of it is beyond what can be read as one.
async fn pledged(connection: &impl ConnectionTrait, funding_id: &str) -> Result<i128, StoreError> {
    let halves: Option<(Option<i64>, Option<i64>)> = pledge::Entity::find()
        .select_only()
        .expr(Expr::cust(r#"CAST(SUM("amount_minor" >> 32) AS BIGINT)"#))
        .expr(Expr::cust(r#"CAST(SUM("amount_minor" & 4294967295) AS BIGINT)"#))
        .filter(pledge::Column::FundingId.eq(funding_id))
        .into_tuple()
        .one(connection)
        .await
        .attempting("adding up the pledges of a funding")?;
    let (upper, lower) = halves.unwrap_or_default();
    Ok((i128::from(upper.unwrap_or(0)) << 32) + i128::from(lower.unwrap_or(0)))
}
