//! Why a request is not served.

use axum::http::StatusCode;
use service_kit::problem::Problem;

use crate::metrics::Later;

/// What is answered instead.
#[derive(Debug)]
pub(crate) enum Denied {
    /// It would be refused again.
    Refused(Problem),
    /// The client is to come back.
    Later(Later),
}

impl Denied {
    /// Of a request that does not show who makes it. A token that cannot be checked now is no bad one.
    pub(crate) fn unidentified(problem: Problem) -> Self {
        if problem.status == StatusCode::SERVICE_UNAVAILABLE.as_u16() {
            Self::Later(Later::Keys)
        } else {
            Self::Refused(problem)
        }
    }
}

impl From<Problem> for Denied {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<Later> for Denied {
    fn from(later: Later) -> Self {
        Self::Later(later)
    }
}
