//! Figures for people and for machines.

use std::time::Duration;

use serde::Serialize;

/// One line of the table: the same thing, measured a few times.
#[derive(Debug, Clone)]
pub struct Line {
    /// What was measured.
    pub name: &'static str,
    /// How many rows each time.
    pub rows: u64,
    /// Each time.
    pub times: Vec<Times>,
}

/// How long something took, and how long each process worked for it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Times {
    /// From its beginning to its end.
    pub took: Duration,
    /// The process that is measured.
    pub own: Duration,
    /// The nats-server.
    pub nats: Duration,
    /// PostgreSQL.
    pub postgres: Duration,
}

/// What the last line says.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Figures {
    /// Our rate through the bare program's, where every event is new.
    pub first_ratio: f64,
    /// The same where every event is in the log already.
    pub repeat_ratio: f64,
    /// The most memory that a run had resident, in MiB.
    pub peak_mib: f64,
    /// What a row costs in the large run, through what it costs in the small one.
    pub cost_growth: f64,
}

impl Line {
    /// A line without measurements.
    pub fn new(name: &'static str, rows: u64) -> Self {
        Self {
            name,
            rows,
            times: Vec::new(),
        }
    }

    /// The middle one of the times of a kind.
    pub fn median(&self, of: impl Fn(&Times) -> Duration) -> Duration {
        median(self.times.iter().map(of).collect())
    }

    /// Rows a second.
    pub fn rate(&self) -> f64 {
        1e6 / self.micros_a_row(self.median(|times| times.took))
    }

    /// What a row takes of a time, in microseconds.
    #[allow(clippy::cast_precision_loss)] // Rows are few.
    pub fn micros_a_row(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / self.rows as f64
    }
}

impl Figures {
    /// To as many digits as mean something.
    #[must_use]
    pub fn rounded(self) -> Self {
        Self {
            first_ratio: rounded(self.first_ratio, 1e3),
            repeat_ratio: rounded(self.repeat_ratio, 1e3),
            peak_mib: rounded(self.peak_mib, 10.0),
            cost_growth: rounded(self.cost_growth, 1e3),
        }
    }
}

/// To a multiple of one through `scale`.
pub(crate) fn rounded(value: f64, scale: f64) -> f64 {
    (value * scale).round() / scale
}

/// All lines, below one another.
pub fn table(lines: &[Line]) -> String {
    let mut table = format!(
        "{:32} median     slowest-fastest   processor time in us/row of\n{:22}{:>9}    rows/s              rows/s        it      nats  postgres\n",
        "", "", "rows"
    );
    for line in lines {
        let rates = line.times.iter().map(|times| 1e6 / line.micros_a_row(times.took));
        let (slowest, fastest) = rates.fold((f64::INFINITY, 0.0_f64), |(slowest, fastest), rate| {
            (slowest.min(rate), fastest.max(rate))
        });
        let a_row = |of: fn(&Times) -> Duration| line.micros_a_row(line.median(of));
        table += &format!(
            "{:22}{:>9} {:>9.0} {:>19} {:>9.2} {:>9.2} {:>9.2}\n",
            line.name,
            line.rows,
            line.rate(),
            format!("{slowest:.0}-{fastest:.0}"),
            a_row(|times| times.own),
            a_row(|times| times.nats),
            a_row(|times| times.postgres),
        );
    }
    table
}

/// The middle one; of an even number the smaller of the two.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let middle = times.len().saturating_sub(1) / 2;
    times.get(middle).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_middle_measurement() {
        let mut line = Line::new("x", 1_000);
        for seconds in [9, 2, 1] {
            line.times.push(Times {
                took: Duration::from_secs(seconds),
                ..Times::default()
            });
        }
        assert!((line.rate() - 500.0).abs() < 1e-9);
        let table = table(&[line]);
        assert!(table.contains("111-1000"), "{table}");
    }
}
