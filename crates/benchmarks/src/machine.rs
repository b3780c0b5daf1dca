//! What a measurement was made on, and what processes took of it.

use std::fs;
use std::process::Command;
use std::time::Duration;

/// Unit of the times in `/proc`, the same on every Linux that is about.
const TICKS_A_SECOND: u64 = 100;

/// The processor, its cores, the memory and the versions of the programs, on one line.
pub fn description() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    let nats_server = version(&mut Command::new(test_support::nats::binary()));
    let postgres = test_support::postgres::version().unwrap_or_else(|| "no PostgreSQL".to_owned());
    format!("{cores} cores of {processor}, {memory}; {nats_server}; {postgres}")
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

/// The most memory that a process has had resident, in bytes. Nothing when it has ended.
pub fn peak_memory(process: u32) -> Option<u64> {
    let peak = field(&format!("/proc/{process}/status"), "VmHWM")?;
    let kibibytes: u64 = peak.strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
