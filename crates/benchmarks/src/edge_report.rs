//! What the edge's measurements say, for people and for machines.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use crate::phase::Faults;
use crate::phase::round::Round;
use crate::phase::stalled::{self, Neighbours, Stalled};
use crate::phase::storm::{NatsMeanwhile, Storm};
use crate::report::rounded;

/// Our edge.
pub const OURS: &str = "lastcall edge";
/// The peer.
pub const NCHAN: &str = "nchan";
/// The floor.
pub const BARE: &str = "bare writer";

/// Everything that was measured; what stands at the same place was measured in the same round.
#[derive(Debug, Default)]
pub struct Measured {
    /// Our edge.
    pub ours: Vec<Round>,
    /// Nchan.
    pub nchan: Vec<Round>,
    /// The bare writer.
    pub bare: Vec<Round>,
    /// Storms over our edge.
    pub our_storms: Vec<Storm>,
    /// Storms over nchan.
    pub nchan_storms: Vec<Storm>,
    /// What the nats-server did in our storms.
    pub meanwhile: Vec<NatsMeanwhile>,
    /// Stalled clients.
    pub stalled: Option<Stalled>,
    /// What our edge lost or repeated in all of this.
    pub faults: Faults,
}

/// What the last line says. Ratios are medians over the rounds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Figures {
    /// Resident memory of a stream of ours, idle or after traffic, whichever is more.
    pub idle_bytes_per_stream: f64,
    /// Our broadcast deliveries a second through nchan's.
    pub fanout_vs_nchan: f64,
    /// The same through the bare writer's.
    pub fanout_vs_epoll: f64,
    /// The 99th percentile of our latency through nchan's.
    pub unicast_p99_vs_nchan: f64,
    /// Our edge's processor time for a single event through nchan's.
    pub unicast_cpu_vs_nchan: f64,
    /// How long our storm took, through nchan's.
    pub storm_time_vs_nchan: f64,
    /// Events that did not come to a client of ours.
    pub lost: u64,
    /// Events that came again.
    pub duplicated: u64,
}

impl Measured {
    /// What the last line says, to as many digits as mean something.
    pub fn figures(&self) -> Figures {
        let Self {
            ours, nchan, bare, ..
        } = self;
        let fan_out = |round: &Round| round.fan_out.rate;
        let idle = median(ours.iter().map(|round| round.idle));
        let after = median(ours.iter().map(|round| round.after));
        let storm = |storm: &Storm| storm.took.as_secs_f64();
        Figures {
            idle_bytes_per_stream: idle.max(after).round(),
            fanout_vs_nchan: ratio(ours, nchan, fan_out),
            fanout_vs_epoll: ratio(ours, bare, fan_out),
            unicast_p99_vs_nchan: ratio(ours, nchan, p99),
            unicast_cpu_vs_nchan: ratio(ours, nchan, unicast_cpu),
            storm_time_vs_nchan: ratio(&self.our_storms, &self.nchan_storms, storm),
            lost: self.faults.lost,
            duplicated: self.faults.duplicated,
        }
    }

    /// Tables for people.
    pub fn table(&self) -> String {
        let mut table = format!(
            "{:18}{:>18}{:>36}{:>13}{:>36}\n{:18}{}\n",
            "",
            "bytes a stream",
            "broadcast: deliveries/s",
            "us each",
            "single events: ms, us each",
            "",
            headings()
        );
        for (name, rounds) in [(OURS, &self.ours), (NCHAN, &self.nchan), (BARE, &self.bare)] {
            table += &line(name, rounds);
        }
        table + &self.storms() + &self.stalled()
    }

    fn storms(&self) -> String {
        let mut text =
            "\nstorm: time until everybody has caught up; processor time of the server\n".to_owned();
        for (name, storms) in [(OURS, &self.our_storms), (NCHAN, &self.nchan_storms)] {
            let took = |storm: &Storm| storm.took.as_secs_f64();
            let (fastest, slowest) = extremes(storms.iter().map(took));
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{name:18}{:>8.3} s   ({fastest:.3}-{slowest:.3}), {:.3} s",
                median(storms.iter().map(took)),
                median(storms.iter().map(|storm| storm.worked.as_secs_f64()))
            );
        }
        for NatsMeanwhile {
            received,
            sent,
            consumers: (before, after),
        } in &self.meanwhile
        {
            let _ = writeln!(
                text,
                "nats-server meanwhile: {received} messages in, {sent} out, {before} consumers before and {after} after"
            );
        }
        text
    }

    fn stalled(&self) -> String {
        let Some(stalled) = &self.stalled else {
            return String::new();
        };
        let mib = |bytes: u64| to_float(bytes) / 1024.0 / 1024.0;
        let neighbours = |Neighbours { filling, filled }: Neighbours| {
            let ms = |time: Duration| time.as_secs_f64() * 1e3;
            format!(
                "p50 {:.2} ms, p99 {:.2} ms (first {} events: {:.2}, {:.2})",
                ms(filled.p50),
                ms(filled.p99),
                stalled::FILLING,
                ms(filling.p50),
                ms(filling.p99)
            )
        };
        format!(
            "\n{} clients do not read {} events of {} bytes, {} others do; until the last of those has an event:\n\
             nobody stalled    {}\nbeside stalled    {}\n\
             edge {:.1} -> {:.1} MiB, the kernel holds {:.1} MiB for them, all sockets (both ends) {:.1} -> {:.1} MiB\n\
             reading again, they have caught up after {:.1} s\n",
            stalled::STALLED,
            stalled::EVENTS,
            stalled::BYTES,
            stalled::READING,
            neighbours(stalled.alone),
            neighbours(stalled.beside),
            mib(stalled.resident.0),
            mib(stalled.resident.1),
            mib(stalled.unsent),
            mib(stalled.sockets.0),
            mib(stalled.sockets.1),
            stalled.caught_up.as_secs_f64()
        )
    }
}

/// What stands over the columns of [`line`], behind the name.
pub fn headings() -> String {
    format!(
        "{:>9}{:>9}{:>14}{:>22}{:>13}{:>9}{:>9}{:>9}{:>9}",
        "idle", "after", "median", "slowest-fastest", "server", "p50", "p99", "server", "nats"
    )
}

/// The rounds of one server.
pub fn line(name: &str, rounds: &[Round]) -> String {
    let of = |value: fn(&Round) -> f64| median(rounds.iter().map(value));
    let (slowest, fastest) = extremes(rounds.iter().map(|round| round.fan_out.rate));
    let mut line = format!(
        "{name:18}{:>9.0}{:>9.0}{:>14.0}{:>22}{:>13.2}",
        of(|round| round.idle),
        of(|round| round.after),
        of(|round| round.fan_out.rate),
        format!("{slowest:.0}-{fastest:.0}"),
        of(|round| round.fan_out.cpu),
    );
    if rounds.iter().all(|round| round.unicast.is_some()) {
        let p50 = |round: &Round| {
            round
                .unicast
                .map_or(f64::NAN, |unicast| unicast.latency.p50.as_secs_f64())
        };
        line += &format!(
            "{:>9.3}{:>9.3}{:>9.2}",
            of(p50) * 1e3,
            of(p99) * 1e3,
            of(unicast_cpu)
        );
    }
    let nats_cpu = |round: &Round| round.unicast.and_then(|unicast| unicast.nats_cpu);
    if rounds.iter().all(|round| nats_cpu(round).is_some()) {
        line += &format!("{:>9.2}", median(rounds.iter().filter_map(nats_cpu)));
    }
    line + "\n"
}

fn p99(round: &Round) -> f64 {
    round
        .unicast
        .map_or(f64::NAN, |unicast| unicast.latency.p99.as_secs_f64())
}

fn unicast_cpu(round: &Round) -> f64 {
    round.unicast.map_or(f64::NAN, |unicast| unicast.cpu)
}

/// The median of the ratios of the rounds: what the machine does meets both sides of each.
fn ratio<T>(ours: &[T], theirs: &[T], of: impl Fn(&T) -> f64) -> f64 {
    rounded(
        median(
            ours.iter()
                .zip(theirs)
                .map(|(ours, theirs)| of(ours) / of(theirs)),
        ),
        1e3,
    )
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    let (below, above) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    f64::midpoint(at(below), at(above))
}

fn extremes(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, 0.0), |(least, most), value| {
        (value.min(least), value.max(most))
    })
}

#[allow(clippy::cast_precision_loss)] // It is far below 2^52.
fn to_float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_that_of_the_middle_round() {
        let found = ratio(&[1.0, 2.0, 9.0], &[2.0, 2.0, 3.0], |value| *value);
        assert!((found - 1.0).abs() < 1e-9, "{found}");
        assert!((median([4.0, 1.0].into_iter()) - 2.5).abs() < 1e-9);
    }
}
