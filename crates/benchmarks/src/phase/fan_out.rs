//! One event for everybody, again and again.

use std::time::{Duration, Instant};

use super::micros_each;
use crate::load::Load;
use crate::load::event::Recipient;
use crate::report::median;
use crate::server::Server;

/// How fast everybody got it.
#[derive(Debug, Clone, Copy)]
pub struct FanOut {
    /// Deliveries a second, by the time to the last client; the median of all broadcasts.
    pub rate: f64,
    /// Microseconds of the server's processor time for one delivery.
    pub cpu: f64,
}

/// Sends each broadcast when the one before has come to all `streams`.
pub fn measure(load: &mut Load, server: &Server, streams: usize, broadcasts: u32) -> anyhow::Result<FanOut> {
    let worked = server.worked()?;
    let mut took: Vec<Duration> = Vec::new();
    for _ in 0..broadcasts {
        let all = load.tally.delivered + streams as u64;
        let began = Instant::now();
        load.publish(Recipient::Everybody)?;
        load.flush()?;
        if !load.until_delivered(all)? {
            break;
        }
        took.push(began.elapsed());
    }
    let (came, deliveries) = (!took.is_empty(), streams as u64 * u64::from(broadcasts));
    Ok(FanOut {
        rate: if came {
            1e6 / micros_each(median(took), streams as u64)
        } else {
            0.0
        },
        cpu: micros_each(server.worked()? - worked, deliveries),
    })
}

/// Sends so many at once, and waits until all have come.
pub fn burst(load: &mut Load, streams: usize, broadcasts: u32) -> anyhow::Result<()> {
    let all = load.tally.delivered + streams as u64 * u64::from(broadcasts);
    for _ in 0..broadcasts {
        load.publish(Recipient::Everybody)?;
    }
    load.flush()?;
    load.until_delivered(all)?;
    Ok(())
}
