//! How far a rebuild is, on standard error: a bar on a terminal, else a line now and then.

use std::io::{self, IsTerminal as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ::projector::rebuild::Step;
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};

/// Between two lines of the same step.
const PAUSE: Duration = Duration::from_secs(5);

pub(super) struct Progress {
    bar: ProgressBar,
    /// Where there is no terminal.
    lines: Option<Mutex<Lines>>,
}

struct Lines {
    step: Option<&'static str>,
    began: Instant,
    said: Instant,
}

impl Progress {
    pub(super) fn start() -> Self {
        let now = Instant::now();
        let lines = Lines {
            step: None,
            began: now,
            said: now,
        };
        Self {
            bar: ProgressBar::new_spinner(),
            lines: (!io::stderr().is_terminal()).then(|| Mutex::new(lines)),
        }
    }

    pub(super) fn at(&self, step: Step) {
        let name = name(step);
        if let Some(lines) = &self.lines {
            return lines
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .at(name, step);
        }
        if self.bar.message() != name {
            self.bar.reset();
            self.bar.set_message(name);
            self.bar.set_style(style(step));
            self.bar.enable_steady_tick(Duration::from_millis(200));
        }
        if let Some((done, of)) = counted(step) {
            self.bar.set_length(of);
            self.bar.set_position(done);
        }
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Lines {
    fn at(&mut self, name: &'static str, step: Step) {
        let now = Instant::now();
        let new = self.step != Some(name);
        if new {
            (self.step, self.began) = (Some(name), now);
        } else if now - self.said < PAUSE {
            return;
        }
        self.said = now;
        match counted(step) {
            Some((done, of)) if !new => eprintln!("{name}: {}", amount(done, of, now - self.began)),
            _ => eprintln!("{name}"),
        }
    }
}

fn amount(done: u64, of: u64, took: Duration) -> String {
    let rate = to_float(done) / took.as_secs_f64().max(f64::EPSILON);
    let left = Duration::try_from_secs_f64(to_float(of.saturating_sub(done)) / rate).unwrap_or(Duration::MAX);
    format!(
        "{} of {} messages, {rate:.0}/s, {} left",
        HumanCount(done),
        HumanCount(of),
        HumanDuration(left)
    )
}

fn style(step: Step) -> ProgressStyle {
    let template = match counted(step) {
        Some(_) => "{msg} {wide_bar} {human_pos}/{human_len} messages, {per_sec}, {eta} left",
        None => "{msg} {spinner} {elapsed}",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn counted(step: Step) -> Option<(u64, u64)> {
    match step {
        Step::Reading { done, of } | Step::Writing { done, of } => Some((done, of.max(done))),
        Step::Indexing | Step::CatchingUp { .. } | Step::Comparing | Step::Swapping | Step::Dropping => None,
    }
}

fn name(step: Step) -> &'static str {
    match step {
        Step::Reading { .. } => "reading the log",
        Step::Writing { .. } => "writing the new tables",
        Step::Indexing => "making indexes",
        Step::CatchingUp { .. } => "catching up",
        Step::Comparing => "comparing with the tables in use",
        Step::Swapping => "putting the new tables in place",
        Step::Dropping => "dropping what is no longer needed",
    }
}

#[allow(clippy::cast_precision_loss)] // It is shown to three digits.
fn to_float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_rate_and_remaining_time() {
        let line = amount(10_000, 30_000, Duration::from_secs(2));
        assert_eq!(line, "10,000 of 30,000 messages, 5000/s, 4 seconds left");
        amount(0, 30_000, Duration::ZERO);
    }
}
