//! The servers that are measured, each a process on a core of its own, and what they are spoken to in.

pub mod bare_writer;
pub mod cores;
pub mod http;
pub mod lastcall_edge;
pub mod nats;
pub mod nchan;

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::machine;

/// How long a server may take to start.
const START_LIMIT: Duration = Duration::from_secs(20);

const POLL: Duration = Duration::from_millis(10);

/// A process that is killed when this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// The process that does the work.
    process: u32,
    name: String,
}

impl Server {
    /// Starts it on these cores, with what it has to say about itself in a file.
    pub fn start(mut command: Command, cores: cores::Cores, log: &Path) -> anyhow::Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stderr(File::create(log)?);
        let child = cores
            .run(|| command.spawn())
            .with_context(|| format!("starting {name}"))?;
        let process = child.id();
        Ok(Self { child, process, name })
    }

    /// Waits for what it is ready by.
    pub fn until<T>(&mut self, log: &Path, mut ready: impl FnMut(u32) -> Option<T>) -> anyhow::Result<T> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            if let Some(ready) = ready(self.child.id()) {
                return Ok(ready);
            }
            let ended = self.child.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                bail!("{} does not come up ({ended:?}):\n{said}", self.name);
            }
            std::thread::sleep(POLL);
        }
    }

    /// It is a process below the one that was started that does the work.
    fn works_in(&mut self, process: u32) {
        self.process = process;
    }

    /// The process that does the work.
    pub fn process(&self) -> u32 {
        self.process
    }

    /// The memory that it has resident, in bytes.
    pub fn resident_memory(&self) -> anyhow::Result<u64> {
        machine::resident_memory(self.process).with_context(|| format!("{} has ended", self.name))
    }

    /// The time that it has worked.
    pub fn worked(&self) -> anyhow::Result<Duration> {
        machine::worked(self.process).with_context(|| format!("{} has ended", self.name))
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Before their parent, or nobody would know whose they are; killed behind it, or it would start others.
        let children = machine::children(self.child.id());
        let _ = self.child.kill();
        let _ = self.child.wait();
        children.into_iter().for_each(machine::kill);
    }
}
