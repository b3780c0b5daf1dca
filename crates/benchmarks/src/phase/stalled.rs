//! Clients that stop reading, and those beside them who read on.
//!
//! These feel of the others what the kernel does for them: it asks each closed window from time to time whether it is open
//! again (`TcpExtTCPWinProbe` of `nstat`), here 5,000 within some milliseconds, at both ends.

use std::time::{Duration, Instant};

use anyhow::ensure;

use super::{Faults, Setup};
use crate::load::Load;
use crate::load::event::Recipient;
use crate::load::tally::Latency;
use crate::machine;
use crate::server::lastcall_edge::LastcallEdge;
use crate::server::nats::Nats;

/// Clients that stop reading.
pub const STALLED: usize = 5_000;

/// Clients that read on.
pub const READING: usize = 500;

/// Events for everybody.
pub const EVENTS: u32 = 1_000;

/// How large each of them is.
pub const BYTES: usize = 1_024;

/// Until so many events have come, the kernel's buffers take what stalled clients do not, and each costs a write.
pub const FILLING: usize = 100;

/// The least time between two events.
const PACE: Duration = Duration::from_millis(5);

/// What the kernel may keep at the clients' end, or this machine, which is both ends, would keep 100 KB for each.
const RECEIVE_BUFFER: usize = 8 * 1024;

/// The same once they read again: they are to be slow because they did not read, not because they read by the spoonful.
const READING_BUFFER: usize = 128 * 1024;

/// Time from an event to the last of those who read.
#[derive(Debug, Clone, Copy)]
pub struct Neighbours {
    /// Of the first events.
    pub filling: Latency,
    /// Of the others.
    pub filled: Latency,
}

/// What became of it.
#[derive(Debug, Clone, Copy)]
pub struct Stalled {
    /// The neighbours while nobody is stalled.
    pub alone: Neighbours,
    /// The neighbours beside the stalled ones.
    pub beside: Neighbours,
    /// Resident memory of the edge before the stalled ones missed anything and after, in bytes.
    pub resident: (u64, u64),
    /// Bytes that the kernel held for the stalled ones in the end, and the memory of all sockets for that.
    pub unsent: u64,
    /// The memory of all sockets before and after, at both ends, in bytes.
    pub sockets: (u64, u64),
    /// Until they had everything, once they read again.
    pub caught_up: Duration,
}

/// Our edge alone: the peer has no bound to compare.
pub fn measure(setup: &Setup, progress: &impl Fn(&str)) -> anyhow::Result<(Stalled, Faults)> {
    let (reading, stalled) = (0..READING, READING..READING + STALLED);
    let nats = Nats::start(setup.places.both)?;
    let edge = LastcallEdge::start(&setup.lastcall, setup.places.server, &nats, None)?;
    let mut door = edge.door(&setup.tokens);

    let mut load = Load::new(READING, BYTES)?;
    load.publish_over(nats.outlet()?)?;
    load.connect(reading.clone(), &door)?;
    let alone = broadcast(&mut load)?;
    let faults = Faults::of(&load, load.missing_everybodys(reading.clone()))?;
    drop(load);
    progress("the same while the others do not read");

    let mut load = Load::new(READING + STALLED, BYTES)?;
    load.publish_over(nats.outlet()?)?;
    load.connect(reading, &door)?;
    door.receive_buffer = Some(RECEIVE_BUFFER);
    load.connect(stalled.clone(), &door)?;
    load.stall(stalled.clone())?;
    let memory = || {
        anyhow::Ok((
            edge.server.resident_memory()?,
            machine::socket_memory().unwrap_or_default(),
        ))
    };
    let before = memory()?;
    let beside = broadcast(&mut load)?;
    let after = memory()?;
    let unsent = machine::unsent_bytes(door.address.port()).unwrap_or_default();

    progress("they read again");
    let all = u64::from(EVENTS) * (READING + STALLED) as u64;
    let began = Instant::now();
    load.resume(stalled.clone(), READING_BUFFER)?;
    load.until_delivered(all)?;
    let caught_up = began.elapsed();
    let missing = load.missing_everybodys(0..stalled.end);
    let faults = faults.and(Faults::of(&load, missing)?);
    let stalled = Stalled {
        alone,
        beside,
        resident: (before.0, after.0),
        unsent,
        sockets: (before.1, after.1),
        caught_up,
    };
    Ok((stalled, faults))
}

/// Sends each event when all who read have the one before, and some time has passed.
fn broadcast(load: &mut Load) -> anyhow::Result<Neighbours> {
    let mut took = Vec::new();
    for _ in 0..EVENTS {
        let all = load.tally.delivered + READING as u64;
        let began = Instant::now();
        load.publish(Recipient::Everybody)?;
        load.flush()?;
        let came = load.until_delivered(all)?;
        ensure!(came, "an event did not come to those who read: {:?}", load.tally);
        took.push(began.elapsed());
        load.tick(Some(
            PACE.saturating_sub(began.elapsed()).max(Duration::from_micros(1)),
        ))?;
        while load.ticks() == 0 {
            load.turn()?;
        }
        load.tick(None)?;
    }
    let filled = took.split_off(FILLING.min(took.len()));
    Ok(Neighbours {
        filling: Latency::of(took),
        filled: Latency::of(filled),
    })
}
