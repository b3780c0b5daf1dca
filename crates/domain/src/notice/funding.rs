use chrono::{DateTime, Utc};
use proto_schemas::events::{timestamp, v1};
use proto_schemas::{CloudEvent, Event};

use super::{BadRow, IssuedCoupon, PersonRow, RunContext, SOURCE, instant_key, wire_money};
use crate::money::Money;
use crate::occurrence::{Occurrence, event_id};
use crate::settlement::{Outcome, Role};
use crate::words::Phrase;

/// A follower of an open funding that closes soon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosingFollow {
    /// The funding.
    pub funding_id: String,
    /// Its title.
    pub funding_title: String,
    /// Its deadline.
    pub closes_at: DateTime<Utc>,
    /// Who follows it.
    pub follower: PersonRow,
}

/// Somebody whom the outcome of a settled funding concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeReader {
    /// The funding.
    pub funding_id: String,
    /// Its title.
    pub funding_title: String,
    /// The deadline that has passed.
    pub closed_at: DateTime<Utc>,
    /// The instant of the run that settled it.
    pub settled_at: DateTime<Utc>,
    /// What had to be raised.
    pub goal: Money,
    /// What was raised.
    pub raised: Money,
    /// What became of it.
    pub outcome: Outcome,
    /// The person.
    pub person: PersonRow,
    /// The first of the roles they have.
    pub role: Role,
    /// The coupon that settlement gave them.
    pub coupon: Option<IssuedCoupon>,
}

impl ClosingFollow {
    /// Tells the follower. One occurrence for each funding, deadline and follower.
    pub fn notice(&self, run: RunContext) -> Result<Occurrence, BadRow> {
        let row = || {
            format!(
                "follow of funding {} by user {}",
                self.funding_id, self.follower.user_id
            )
        };
        let (recipient, reader) = self.follower.read(row)?;
        let words = Phrase::FundingClosing {
            funding: &self.funding_title,
            closes_at: self.closes_at,
        };
        let event = v1::FundingClosing {
            funding_id: self.funding_id.clone(),
            funding_title: self.funding_title.clone(),
            closes_at: Some(timestamp(self.closes_at)),
            words: Some(words.speak(reader)),
        };
        let identity = [
            "funding-closing",
            &self.funding_id,
            &self.follower.user_id,
            &instant_key(self.closes_at),
        ];
        Ok(Occurrence {
            recipient,
            event: CloudEvent {
                id: event_id(&identity),
                source: SOURCE.to_owned(),
                time: run.scheduled_at,
                expiry_time: Some(self.closes_at),
                event: event.into(),
            },
        })
    }
}

impl OutcomeReader {
    /// Tells the person what became of the funding and, where they got one, of their coupon.
    ///
    /// Everything is taken from what settlement stored, so that a run that heals an interrupted one says the same.
    pub fn notices(&self) -> Result<Vec<Occurrence>, BadRow> {
        let row = || {
            format!(
                "outcome of funding {} for user {}",
                self.funding_id, self.person.user_id
            )
        };
        let (recipient, reader) = self.person.read(row)?;
        let told = |kind: &str, expiry_time, event: Event| Occurrence {
            recipient: recipient.clone(),
            event: CloudEvent {
                id: event_id(&[
                    kind,
                    &self.funding_id,
                    &self.person.user_id,
                    &instant_key(self.closed_at),
                ]),
                source: SOURCE.to_owned(),
                time: self.settled_at,
                expiry_time,
                event,
            },
        };

        let words = Phrase::FundingSettled {
            outcome: self.outcome,
            role: self.role,
            funding: &self.funding_title,
            raised: self.raised,
            goal: self.goal,
        };
        let mut occurrences = vec![told(
            "funding-settled",
            None,
            self.outcome_event(words.speak(reader)),
        )];
        if let Some(coupon) = &self.coupon {
            let amount = coupon
                .amount
                .as_ref()
                .map(|amount| amount.read(row))
                .transpose()?;
            let words = Phrase::CouponIssued {
                funding: &self.funding_title,
                amount,
                expires_at: coupon.expires_at,
            };
            let event = v1::CouponIssued {
                coupon_id: coupon.coupon_id.clone(),
                funding_id: self.funding_id.clone(),
                funding_title: self.funding_title.clone(),
                expires_at: Some(timestamp(coupon.expires_at)),
                words: Some(words.speak(reader)),
                amount: amount.map(wire_money),
            };
            occurrences.push(told("coupon-issued", Some(coupon.expires_at), event.into()));
        }
        Ok(occurrences)
    }

    fn outcome_event(&self, words: v1::Words) -> Event {
        let role = match self.role {
            Role::Maker => v1::FundingRole::Maker,
            Role::Backer => v1::FundingRole::Backer,
            Role::Follower => v1::FundingRole::Follower,
        };
        macro_rules! settled {
            ($message:ident) => {
                v1::$message {
                    funding_id: self.funding_id.clone(),
                    funding_title: self.funding_title.clone(),
                    closed_at: Some(timestamp(self.closed_at)),
                    goal: Some(wire_money(self.goal)),
                    raised: Some(wire_money(self.raised)),
                    role: role.into(),
                    words: Some(words),
                }
                .into()
            };
        }
        match self.outcome {
            Outcome::Succeeded => settled!(FundingSucceeded),
            Outcome::Failed => settled!(FundingFailed),
        }
    }
}
