use std::collections::HashMap;

use domain::catalogue::Pledge;
use domain::money::{Currency, Money};
use proto_schemas::UserId;
use store::{Store, StoreError};

use super::super::Defaults;
use super::super::columns::{Column, required};
use super::super::fields::{Fields, at_most, id};
use super::super::reject::{Fault, Reject};
use super::{Completed, Record};

/// Longer than any amount that can be kept.
const MAX_AMOUNT_BYTES: usize = 64;

/// A pledge whose amount waits for the currency of its funding.
pub(in super::super) struct PledgeLine {
    funding_id: String,
    user_id: UserId,
    amount: String,
    headers: Headers,
}

/// What the file calls the columns that a fault may be about.
#[derive(Clone)]
struct Headers {
    funding_id: String,
    amount: String,
}

impl Record for PledgeLine {
    const COLUMNS: &'static [Column] = &[required("funding_id"), required("user_id"), required("amount")];

    type Row = Pledge;

    fn read(fields: &Fields<'_>, _: &Defaults) -> Result<Self, Fault> {
        Ok(Self {
            funding_id: fields.required("funding_id", id)?,
            user_id: fields.required("user_id", str::parse::<UserId>)?,
            amount: fields.required("amount", |text| at_most(MAX_AMOUNT_BYTES, text))?,
            headers: Headers {
                funding_id: fields.header("funding_id").to_owned(),
                amount: fields.header("amount").to_owned(),
            },
        })
    }

    async fn complete(store: &Store, records: Vec<(u64, Self)>) -> Result<Completed<Pledge>, StoreError> {
        let mut fundings: Vec<String> = records
            .iter()
            .map(|(_, pledge)| pledge.funding_id.clone())
            .collect();
        fundings.sort_unstable();
        fundings.dedup();
        let currencies = store.currencies_of(&fundings).await?;
        let mut completed = Completed {
            lines: Vec::new(),
            rows: Vec::new(),
            rejects: Vec::new(),
        };
        for (line, pledge) in records {
            match pledge.in_currency_of_funding(&currencies) {
                Ok(pledge) => {
                    completed.lines.push(line);
                    completed.rows.push(pledge);
                }
                Err(fault) => completed.rejects.push(Reject { line, fault }),
            }
        }
        Ok(completed)
    }

    async fn write(store: &Store, rows: &[Pledge]) -> Result<(), StoreError> {
        store.upsert_pledges(rows).await
    }
}

impl PledgeLine {
    fn in_currency_of_funding(self, currencies: &HashMap<String, Currency>) -> Result<Pledge, Fault> {
        let Self {
            funding_id,
            user_id,
            amount,
            headers,
        } = self;
        let Some(&currency) = currencies.get(&funding_id) else {
            let reason = "no such funding is known; import the fundings first";
            return Err(Fault::of_column(
                &headers.funding_id,
                reason,
                funding_id.as_bytes(),
            ));
        };
        let amount = Money::from_major(&amount, currency)
            .map_err(|error| Fault::of_column(&headers.amount, error.to_string(), amount.as_bytes()))?;
        Ok(Pledge {
            funding_id,
            user_id,
            amount,
        })
    }
}
