use service_kit::problem::Problem;
use store::StoreError;

/// What the tables answered. That they did not is nothing that a request could do otherwise.
pub(crate) fn answered<T>(answer: Result<T, StoreError>) -> Result<T, Problem> {
    answer.map_err(|error| Problem::internal(&error))
}
