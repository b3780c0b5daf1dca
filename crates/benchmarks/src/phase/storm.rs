//! The storm: all clients lose their stream, miss a few events each, and come back at once.
//!
//! At once means as fast as they can without more of them waiting to be let in than a listen queue has room for.

use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::ensure;

use super::{EVENT_BYTES, Faults, Setup};
use crate::load::Load;
use crate::load::door::Door;
use crate::load::event::Recipient;
use crate::server::Server;
use crate::server::lastcall_edge::LastcallEdge;
use crate::server::nats::{Counters, Nats};
use crate::server::nchan::Nchan;

/// Events that each client misses.
pub const MISSED: u32 = 10;

/// The window has room for all of them.
const WINDOW_BYTES: usize = 256 * 1024 * 1024;

/// Events that are published and not answered yet, while nobody is measured.
const IN_FLIGHT: usize = 2_000;

/// How a storm passed.
#[derive(Debug, Clone, Copy)]
pub struct Storm {
    /// Until everybody had everything.
    pub took: Duration,
    /// The time that the server worked.
    pub worked: Duration,
}

/// What the nats-server did while the storm passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NatsMeanwhile {
    /// Messages that it got, requests included.
    pub received: u64,
    /// Messages that it gave.
    pub sent: u64,
    /// Consumers before and after.
    pub consumers: (u64, u64),
}

/// Two edges beside one nats-server: one is killed, and its clients come to the other.
pub fn ours(setup: &Setup) -> anyhow::Result<(Storm, NatsMeanwhile, Faults)> {
    let (places, streams) = (setup.places, setup.streams);
    // One more client than there are streams: by what it hears we know how far the other edge is.
    let probe = streams;
    let nats = Nats::start(places.both)?;
    let edge = || LastcallEdge::start(&setup.lastcall, places.server, &nats, Some(WINDOW_BYTES));
    let (mut first, second) = (edge()?, edge()?);
    let door = second.door(&setup.tokens);
    let mut load = Load::new(streams + 1, EVENT_BYTES)?;
    load.publish_over(nats.outlet()?)?;
    load.connect(0..streams, &first.door(&setup.tokens))?;
    load.connect(probe..probe + 1, &door)?;
    publish_to_each(&mut load, 0..streams, 1)?;
    load.until_delivered(streams as u64)?;

    first.server.kill()?;
    load.until("all streams of the killed edge have ended", |load| {
        load.tally.cut == streams as u64
    })?;
    load.tally.cut = 0;
    publish_to_each(&mut load, 0..streams, MISSED)?;
    publish_to_each(&mut load, probe..probe + 1, 1)?;
    load.until("the other edge has everything", |load| {
        load.missing_own(probe..probe + 1) == 0
    })?;

    let before = nats.counters()?;
    let storm = come_back(&mut load, streams, &door, &second.server)?;
    let meanwhile = NatsMeanwhile::between(before, nats.counters()?);
    let faults = Faults::of(&load, load.missing_own(0..streams))?;
    Ok((storm, meanwhile, faults))
}

/// The peer keeps messages in its memory, so its clients are cut off and come back to the same process.
pub fn nchan(setup: &Setup) -> anyhow::Result<Storm> {
    let streams = setup.streams;
    let nchan = Nchan::start(setup.places.server, streams)?;
    let door = nchan.own(streams);
    let mut load = Load::new(streams, EVENT_BYTES)?;
    load.publish_over(nchan.outlet()?)?;
    load.connect(0..streams, &door)?;
    publish_to_each(&mut load, 0..streams, 1)?;
    load.until_delivered(streams as u64)?;

    load.cut(0..streams)?;
    publish_to_each(&mut load, 0..streams, MISSED)?;

    let storm = come_back(&mut load, streams, &door, &nchan.server)?;
    Faults::of(&load, load.missing_own(0..streams))?.none("nchan")?;
    Ok(storm)
}

/// Returns when all are stored.
fn publish_to_each(load: &mut Load, clients: Range<usize>, events: u32) -> anyhow::Result<()> {
    for _ in 0..events {
        for client in clients.clone() {
            if load.in_flight() >= IN_FLIGHT {
                load.flush()?;
                load.until("there is room for more events", |load| {
                    load.in_flight() < IN_FLIGHT / 2
                })?;
            }
            load.publish(Recipient::Client(client))?;
        }
    }
    load.flush()?;
    load.until("all events are stored", |load| load.in_flight() == 0)
}

fn come_back(load: &mut Load, streams: usize, door: &Door, server: &Server) -> anyhow::Result<Storm> {
    let all = load.tally.delivered + streams as u64 * u64::from(MISSED);
    let (began, worked) = (Instant::now(), server.worked()?);
    load.connect(0..streams, door)?;
    load.until_delivered(all)?;
    Ok(Storm {
        took: began.elapsed(),
        worked: server.worked()? - worked,
    })
}

impl NatsMeanwhile {
    fn between(before: Counters, after: Counters) -> Self {
        Self {
            received: after.in_msgs - before.in_msgs,
            sent: after.out_msgs - before.out_msgs,
            consumers: (before.consumers, after.consumers),
        }
    }

    /// Whether the clients were served without it: what an edge says and hears while nothing happens is a few messages a
    /// second, and a replay would be two requests for each client at least.
    pub fn none_was_served_by_it(&self, streams: usize) -> anyhow::Result<()> {
        let (before, after) = self.consumers;
        ensure!(after <= before, "consumers were made in the storm: {self:?}");
        let few = 20 + streams as u64 / 100;
        ensure!(
            self.received + self.sent < few,
            "something was replayed from the log in the storm: {self:?}"
        );
        Ok(())
    }
}
