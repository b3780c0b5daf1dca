//! One round: each server in turn, started anew, with all streams.
//!
//! The order within is the same for all: memory of idle streams, broadcasts one by one and many at once, memory again,
//! single events. These come last because what a server keeps of them for everybody would count as memory of streams.

use super::fan_out::{self, FanOut};
use super::unicast::{self, Unicast};
use super::{EVENT_BYTES, Faults, Setup};
use crate::load::Load;
use crate::load::door::Door;
use crate::server::Server;
use crate::server::bare_writer::BareWriter;
use crate::server::lastcall_edge::LastcallEdge;
use crate::server::nats::Nats;
use crate::server::nchan::Nchan;

/// Broadcasts in a round.
pub const BROADCASTS: u32 = 15;

/// Broadcasts that are sent at once.
const AT_ONCE: u32 = 50;

/// What a server did in a round.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// Bytes of resident memory for each idle stream.
    pub idle: f64,
    /// The same when broadcasts have gone over all of them, with what the server keeps of those.
    pub after: f64,
    /// Broadcasts.
    pub fan_out: FanOut,
    /// Single events, where the server knows single people.
    pub unicast: Option<Unicast>,
}

/// Our edge, beside a nats-server of its own.
pub fn ours(setup: &Setup) -> anyhow::Result<(Round, Faults)> {
    let nats = Nats::start(setup.places.both)?;
    let edge = LastcallEdge::start(&setup.lastcall, setup.places.server, &nats, None)?;
    let (server, streams) = (&edge.server, setup.streams);
    let mut load = Load::new(streams, EVENT_BYTES)?;
    load.publish_over(nats.outlet()?)?;
    let memory = Memory::before(server, streams)?;
    load.connect(0..streams, &edge.door(&setup.tokens))?;
    let idle = memory.now(server)?;
    let fan_out = broadcast(&mut load, server, streams)?;
    let after = memory.now(server)?;
    let unicast = unicast::measure(&mut load, server, Some(&nats.server), streams)?;
    let missing = load.missing_own(0..streams) + load.missing_everybodys(0..streams);
    let faults = Faults::of(&load, missing)?;
    let unicast = Some(unicast);
    Ok((
        Round {
            idle,
            after,
            fan_out,
            unicast,
        },
        faults,
    ))
}

/// The peer. It gets its broadcasts through one channel that all share, and single events through a channel for each: a
/// client that listens to both costs it more.
pub fn nchan(setup: &Setup) -> anyhow::Result<Round> {
    let nchan = Nchan::start(setup.places.server, setup.streams)?;
    let (server, streams) = (&nchan.server, setup.streams);
    let listen = |door: &Door| {
        let mut load = Load::new(streams, EVENT_BYTES)?;
        load.publish_over(nchan.outlet()?)?;
        load.connect(0..streams, door)?;
        anyhow::Ok(load)
    };
    let memory = Memory::before(server, streams)?;
    let mut load = listen(&nchan.everybodys(streams))?;
    let idle = memory.now(server)?;
    let fan_out = broadcast(&mut load, server, streams)?;
    let after = memory.now(server)?;
    Faults::of(&load, load.missing_everybodys(0..streams))?.none("nchan")?;
    drop(load);
    let mut load = listen(&nchan.own(streams))?;
    let unicast = unicast::measure(&mut load, server, None, streams)?;
    Faults::of(&load, load.missing_own(0..streams))?.none("nchan")?;
    let unicast = Some(unicast);
    Ok(Round {
        idle,
        after,
        fan_out,
        unicast,
    })
}

/// The floor.
pub fn bare(setup: &Setup) -> anyhow::Result<Round> {
    let bare = BareWriter::start(setup.places.server)?;
    let (server, streams) = (&bare.server, setup.streams);
    let mut load = Load::new(streams, EVENT_BYTES)?;
    load.publish_over(bare.outlet()?)?;
    let memory = Memory::before(server, streams)?;
    load.connect(0..streams, &bare.door(streams))?;
    let idle = memory.now(server)?;
    let fan_out = broadcast(&mut load, server, streams)?;
    let after = memory.now(server)?;
    Faults::of(&load, load.missing_everybodys(0..streams))?.none("the bare writer")?;
    Ok(Round {
        idle,
        after,
        fan_out,
        unicast: None,
    })
}

fn broadcast(load: &mut Load, server: &Server, streams: usize) -> anyhow::Result<FanOut> {
    let fan_out = fan_out::measure(load, server, streams, BROADCASTS)?;
    fan_out::burst(load, streams, AT_ONCE)?;
    Ok(fan_out)
}

/// The memory of a server without streams.
struct Memory {
    without: u64,
    streams: usize,
}

impl Memory {
    fn before(server: &Server, streams: usize) -> anyhow::Result<Self> {
        let without = server.resident_memory()?;
        Ok(Self { without, streams })
    }

    /// What each stream takes now, in bytes.
    #[allow(clippy::cast_precision_loss)] // It is far below 2^52.
    fn now(&self, server: &Server) -> anyhow::Result<f64> {
        let more = server.resident_memory()?.saturating_sub(self.without);
        Ok(more as f64 / self.streams as f64)
    }
}
