use std::fmt;

use ::projector::rebuild::{Rebuilt, Shown};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

/// What a rebuild has done, in the words of `--json`.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    /// Messages of the log that were read.
    pub(super) messages: u64,
    /// The sequence up to which the new tables hold what it says.
    pub(super) sequence: u64,
    /// Whether the tables were compared and every row was the same in both.
    pub(super) equal: bool,
    /// Each table that was compared.
    pub(super) tables: Vec<Table>,
    /// Rows that the log no longer holds, from the tables that were in use.
    pub(super) taken_over: u64,
    /// Whether the new tables are in use now.
    pub(super) swapped: bool,
    /// Until the new tables held all that the ones in use did.
    pub(super) building_seconds: f64,
    pub(super) comparing_seconds: f64,
    pub(super) swapping_seconds: f64,
    /// Messages a second while building.
    pub(super) rate: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct Table {
    table: &'static str,
    equal: u64,
    only_live: u64,
    only_rebuilt: u64,
    different: u64,
    /// The first few.
    differences: Vec<String>,
}

/// What was shown of the past.
#[derive(Debug, Serialize)]
pub(super) struct Past {
    until: DateTime<Utc>,
    sequence: u64,
    messages: u64,
    rows: u64,
    /// Rows of earlier sequences are missing.
    first_sequence: u64,
}

impl From<Rebuilt> for Summary {
    fn from(rebuilt: Rebuilt) -> Self {
        let equal = rebuilt
            .comparison
            .as_ref()
            .is_some_and(store::rebuild::Comparison::is_equal);
        let tables = rebuilt.comparison.into_iter().flat_map(|found| found.tables);
        let building_seconds = rebuilt.took.building.as_secs_f64();
        Self {
            messages: rebuilt.messages,
            sequence: rebuilt.position.sequence,
            equal,
            tables: tables
                .map(|found| Table {
                    table: found.table,
                    equal: found.equal,
                    only_live: found.only_live,
                    only_rebuilt: found.only_rebuilt,
                    different: found.different,
                    differences: found.differences.iter().map(ToString::to_string).collect(),
                })
                .collect(),
            taken_over: rebuilt.taken_over.rows(),
            swapped: rebuilt.swapped,
            building_seconds,
            comparing_seconds: rebuilt.took.comparing.as_secs_f64(),
            swapping_seconds: rebuilt.took.swapping.as_secs_f64(),
            rate: to_float(rebuilt.messages) / building_seconds.max(f64::EPSILON),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} messages in {:.1} s ({:.0}/s), up to sequence {}",
            self.messages, self.building_seconds, self.rate, self.sequence
        )?;
        if self.taken_over > 0 {
            writeln!(
                f,
                "{} rows that the log no longer holds were taken over",
                self.taken_over
            )?;
        }
        for table in &self.tables {
            writeln!(
                f,
                "{:20} {} equal, {} only in use, {} only rebuilt, {} different",
                table.table, table.equal, table.only_live, table.only_rebuilt, table.different
            )?;
            for difference in &table.differences {
                writeln!(f, "{:20}   {difference}", "")?;
            }
        }
        f.write_str(if self.swapped {
            "the new tables are in use"
        } else {
            "nothing was changed"
        })
    }
}

impl Past {
    pub(super) fn new(until: DateTime<Utc>, shown: Shown) -> Self {
        Self {
            until,
            sequence: shown.sequence,
            messages: shown.messages,
            rows: shown.rows,
            first_sequence: shown.first_sequence,
        }
    }
}

impl fmt::Display for Past {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} rows, as of {} (sequence {})",
            self.rows,
            self.until.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            self.sequence
        )?;
        if self.first_sequence > 1 {
            write!(
                f,
                "; the log begins at sequence {}: what is older is missing",
                self.first_sequence
            )?;
        }
        Ok(())
    }
}

#[allow(clippy::cast_precision_loss)] // It is a rate.
fn to_float(number: u64) -> f64 {
    number as f64
}
