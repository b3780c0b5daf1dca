//! What a measurement was made on, and what processes took of it.

use std::fs;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Unit of the times in `/proc`, the same on every Linux that is about.
const TICKS_A_SECOND: u64 = 100;

/// The processor, its cores, the memory and the version of the nats-server, on one line.
pub fn description() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    let nats_server = version(&mut Command::new(test_support::nats::binary()));
    format!("{cores} cores of {processor}, {memory}; {nats_server}")
}

fn version(program: &mut Command) -> String {
    let output = program.arg("--version").output();
    output.map_or_else(
        |error| error.to_string(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The time that a process has worked. Nothing when it has ended.
pub fn worked(process: u32) -> Option<Duration> {
    Some(duration(Stat::read(process)?.ticks))
}

/// The time that a process has worked with its children, also those that have ended. Nothing when it has ended itself.
pub fn worked_with_children(process: u32) -> Option<Duration> {
    let own = Stat::read(process)?;
    let children = processes()
        .filter_map(Stat::read)
        .filter(|stat| stat.parent == process);
    let children: u64 = children.map(|stat| stat.ticks).sum();
    Some(duration(own.ticks + own.ended_children + children))
}

/// What is gone by of `/proc/<process>/stat`.
struct Stat {
    parent: u32,
    ticks: u64,
    /// Of those that it has waited for.
    ended_children: u64,
}

impl Stat {
    fn read(process: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name, in brackets, may have anything in it.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        // Each in user and in kernel mode.
        let ticks =
            |at: usize| Some(fields.get(at)?.parse::<u64>().ok()? + fields.get(at + 1)?.parse::<u64>().ok()?);
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            ticks: ticks(11)?,
            ended_children: ticks(13)?,
        })
    }
}

fn duration(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / TICKS_A_SECOND)
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The processes that a process has started and that have not ended.
pub fn children(process: u32) -> Vec<u32> {
    let is_child = |other: &u32| Stat::read(*other).is_some_and(|stat| stat.parent == process);
    processes().filter(is_child).collect()
}

/// Ends a process as `kill -9` does, if it has not ended.
pub fn kill(process: u32) {
    if let Some(process) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        // That it has ended is no error here.
        let _ = kill_process(process, Signal::KILL);
    }
}

/// The memory that a process has resident, in bytes. Nothing when it has ended.
pub fn resident_memory(process: u32) -> Option<u64> {
    memory(process, "VmRSS")
}

/// The memory of all TCP sockets of this machine, at both ends, in bytes.
pub fn socket_memory() -> Option<u64> {
    let text = field("/proc/net/sockstat", "TCP")?;
    let pages: u64 = text.rsplit_once("mem ")?.1.trim().parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Bytes that the kernel holds for clients of the server on this port because they have not taken them.
pub fn unsent_bytes(port: u16) -> Option<u64> {
    let text = fs::read_to_string("/proc/net/tcp").ok()?;
    let port = format!(":{port:04X}");
    let of_server = text.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        fields.next()?.ends_with(&port).then_some(())?;
        let (unsent, _) = fields.nth(2)?.split_once(':')?;
        u64::from_str_radix(unsent, 16).ok()
    });
    Some(of_server.sum())
}

/// The most memory that a process has had resident, in bytes. Nothing when it has ended.
pub fn peak_memory(process: u32) -> Option<u64> {
    memory(process, "VmHWM")
}

fn memory(process: u32, kind: &str) -> Option<u64> {
    let memory = field(&format!("/proc/{process}/status"), kind)?;
    let kibibytes: u64 = memory.strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
