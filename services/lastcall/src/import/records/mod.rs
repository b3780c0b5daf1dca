//! From the values of a row to what the tables take, one kind a file.

mod alert;
mod coupon;
mod follow;
mod funding;
mod pledge;
mod user;

use store::{Store, StoreError};

pub(super) use pledge::PledgeLine;

use super::Defaults;
use super::columns::Column;
use super::fields::Fields;
use super::reject::{Fault, Reject};

/// A kind of rows that can be imported.
pub(super) trait Record: Sized + Send + 'static {
    const COLUMNS: &'static [Column];

    /// What is written.
    type Row: Send + Sync;

    /// Reads a row by itself.
    fn read(fields: &Fields<'_>, defaults: &Defaults) -> Result<Self, Fault>;

    /// Adds what only the tables can tell.
    async fn complete(store: &Store, records: Vec<(u64, Self)>) -> Result<Completed<Self::Row>, StoreError>;

    async fn write(store: &Store, rows: &[Self::Row]) -> Result<(), StoreError>;
}

/// Rows to write, with the lines they are from.
pub(super) struct Completed<R> {
    pub(super) lines: Vec<u64>,
    pub(super) rows: Vec<R>,
    pub(super) rejects: Vec<Reject>,
}

impl<R> From<Vec<(u64, R)>> for Completed<R> {
    fn from(records: Vec<(u64, R)>) -> Self {
        let (lines, rows) = records.into_iter().unzip();
        Self {
            lines,
            rows,
            rejects: Vec::new(),
        }
    }
}
