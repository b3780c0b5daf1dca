//! What becomes of a funding at its deadline.

use chrono::{DateTime, TimeDelta, Utc};
use proto_schemas::UserId;

use crate::catalogue::{Coupon, CouponStatus, FundingStatus};
use crate::money::Money;
use crate::occurrence::event_id;

/// How a funding ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Its goal was met.
    Succeeded,
    /// Its goal was not met.
    Failed,
}

/// What somebody has to do with a funding. Who has several roles is told once, in the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Made it.
    Maker,
    /// Pledged money to it.
    Backer,
    /// Follows it.
    Follower,
}

/// What backers of a funding that succeeds are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reward {
    /// How long the coupon can be used, counted from the deadline.
    pub validity: TimeDelta,
}

impl Outcome {
    /// Goal met or not. Both amounts are in the currency of the goal.
    pub fn decide(goal: Money, raised: Money) -> Self {
        if raised.minor_units >= goal.minor_units {
            Self::Succeeded
        } else {
            Self::Failed
        }
    }

    /// The status that records it.
    pub fn status(self) -> FundingStatus {
        match self {
            Self::Succeeded => FundingStatus::Succeeded,
            Self::Failed => FundingStatus::Failed,
        }
    }
}

impl Reward {
    /// The coupon of one backer. Its id says what it is for, so that settling again finds it instead of adding another.
    pub fn coupon(&self, funding_id: &str, closed_at: DateTime<Utc>, backer: UserId) -> Coupon {
        Coupon {
            id: event_id(&["reward-coupon", funding_id, backer.as_str()]).to_string(),
            user_id: backer,
            funding_id: Some(funding_id.to_owned()),
            expires_at: closed_at + self.validity,
            status: Some(CouponStatus::Active),
        }
    }
}
