use std::sync::Arc;

use chrono::{DateTime, Utc};
use proto_schemas::CloudEvent;
use proto_schemas::events::{timestamp, v1};

use super::{AmountRow, BadRow, PersonRow, RunContext, SOURCE, instant_key, wire_money};
use crate::occurrence::{Occurrence, event_id};
use crate::words::Phrase;

/// An active coupon that expires soon, with its holder and its funding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiringCoupon {
    /// The coupon.
    pub coupon_id: String,
    /// Its holder.
    pub holder: PersonRow,
    /// The funding it came from.
    pub funding_id: Option<String>,
    /// That funding's title, if the funding is known.
    pub funding_title: Option<Arc<str>>,
    /// The last instant at which the coupon can be used.
    pub expires_at: DateTime<Utc>,
    /// What it is worth, where it says so.
    pub amount: Option<AmountRow>,
}

/// A coupon that settlement gave to a backer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCoupon {
    /// The coupon.
    pub coupon_id: String,
    /// The last instant at which it can be used.
    pub expires_at: DateTime<Utc>,
    /// What it is worth, where it says so.
    pub amount: Option<AmountRow>,
}

impl ExpiringCoupon {
    /// Tells the holder. One occurrence for each coupon and expiry, however many days find it.
    pub fn notice(&self, run: RunContext) -> Result<Occurrence, BadRow> {
        let row = || format!("coupon {}", self.coupon_id);
        let (recipient, reader) = self.holder.read(row)?;
        let amount = self.amount.as_ref().map(|amount| amount.read(row)).transpose()?;
        let words = match &self.funding_title {
            Some(title) => Phrase::CouponExpiringOf {
                funding: title,
                amount,
                expires_at: self.expires_at,
            },
            None => Phrase::CouponExpiring {
                coupon: &self.coupon_id,
                amount,
                expires_at: self.expires_at,
            },
        };
        let event = v1::CouponExpiring {
            coupon_id: self.coupon_id.clone(),
            funding_id: self.funding_id.clone(),
            funding_title: self.funding_title.as_deref().map(str::to_owned),
            expires_at: Some(timestamp(self.expires_at)),
            words: Some(words.speak(reader)),
            amount: amount.map(wire_money),
        };
        Ok(Occurrence {
            recipient,
            event: CloudEvent {
                id: event_id(&["coupon-expiring", &self.coupon_id, &instant_key(self.expires_at)]),
                source: SOURCE.to_owned(),
                time: run.scheduled_at,
                expiry_time: Some(self.expires_at),
                event: event.into(),
            },
        })
    }
}
