//! Which cores a process works on.

use anyhow::Context as _;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Some cores.
#[derive(Debug, Clone, Copy)]
pub struct Cores(CpuSet);

/// Who works where.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    /// One core, for the servers that are measured.
    pub server: Cores,
    /// Both that core and the other one, on which the clients are: for the nats-server, which with either alone would take
    /// what the others need.
    pub both: Cores,
}

impl Places {
    /// Takes the first two cores that this process may use, and moves it, with the clients, to the second.
    pub fn take() -> anyhow::Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        let server = cores.next().context("there is no core")?;
        let clients = cores.next();
        let clients = clients.context("there is one core only; servers and clients need one each")?;
        sched_setaffinity(None, &Cores::of(&[clients]).0)?;
        Ok(Self {
            server: Cores::of(&[server]),
            both: Cores::of(&[server, clients]),
        })
    }
}

impl Cores {
    fn of(cores: &[usize]) -> Self {
        let mut set = CpuSet::new();
        cores.iter().for_each(|core| set.set(*core));
        Self(set)
    }

    /// Does something there. Processes that are started meanwhile stay there.
    pub fn run<T>(self, act: impl FnOnce() -> std::io::Result<T>) -> std::io::Result<T> {
        let before = sched_getaffinity(None)?;
        sched_setaffinity(None, &self.0)?;
        let done = act();
        sched_setaffinity(None, &before)?;
        done
    }
}
