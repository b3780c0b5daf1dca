//! Events to single people, at a rate that does not wait for anybody.

use std::time::Duration;

use super::micros_each;
use crate::load::Load;
use crate::load::event::Recipient;
use crate::load::tally::Latency;
use crate::server::Server;

/// Events a second.
pub const RATE: u64 = 20_000;

/// What comes within this time is sent at once. An appender has chunks to send, and a system call for each event would
/// measure system calls.
const TICK: Duration = Duration::from_millis(1);

/// For so long.
pub const SECONDS: u64 = 10;

/// How single events came.
#[derive(Debug, Clone, Copy)]
pub struct Unicast {
    /// From the moment at which an event was handed to the publisher's socket.
    pub latency: Latency,
    /// Microseconds of the server's processor time for one event.
    pub cpu: f64,
    /// The same of the nats-server, where there is one.
    pub nats_cpu: Option<f64>,
}

/// Sends events to clients below `streams`, in no order but always the same, each at its own time whatever became of those
/// before.
pub fn measure(
    load: &mut Load,
    server: &Server,
    nats: Option<&Server>,
    streams: usize,
) -> anyhow::Result<Unicast> {
    let events = RATE * SECONDS;
    let nats_worked = || nats.map(Server::worked).transpose();
    let (worked, nats_before) = (server.worked()?, nats_worked()?);
    let all = load.tally.delivered + events;
    let mut chosen = Chosen(0x9e37_79b9_7f4a_7c15);
    let mut sent = 0;
    load.tally.record(usize::try_from(events)?);
    let each_tick = RATE * u64::try_from(TICK.as_micros())? / 1_000_000;
    load.tick(Some(TICK))?;
    while sent < events {
        load.turn()?;
        let due = (load.ticks() * each_tick).min(events - sent);
        for _ in 0..due {
            load.publish(Recipient::Client(chosen.below(streams)))?;
        }
        load.flush()?;
        sent += due;
    }
    load.tick(None)?;
    load.until_delivered(all)?;
    let nats_cpu = nats_worked()?
        .zip(nats_before)
        .map(|(after, before)| micros_each(after - before, events));
    Ok(Unicast {
        latency: load.tally.recorded(),
        cpu: micros_each(server.worked()? - worked, events),
        nats_cpu,
    })
}

/// A [xorshift] generator, which is random enough to choose people by.
///
/// [xorshift]: https://www.jstatsoft.org/article/view/v008i14
struct Chosen(u64);

impl Chosen {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}
