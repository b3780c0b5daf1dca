//! A nats-server with its monitoring, and how events are appended to its log.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use serde::Deserialize;
use tempfile::TempDir;

use super::Server;
use super::cores::Cores;
use super::http;
use crate::load::event::Recipient;
use crate::load::outlet::{Answer, Outlet, Protocol};

/// What stands in its place where the server is to choose a port.
const ANY_PORT: &str = "-1";

/// How much garbage it lets grow, in percent of what it needs: as `docs/OPERATIONS.md` has it for many events a second.
const GARBAGE: (&str, &str) = ("GOGC", "400");

/// A server with an empty store.
#[derive(Debug)]
pub struct Nats {
    /// Its process.
    pub server: Server,
    client: SocketAddr,
    monitoring: SocketAddr,
    _folder: TempDir,
}

/// The file in which the server says where it listens.
#[derive(Deserialize)]
struct Ports {
    nats: Vec<String>,
    monitoring: Vec<String>,
}

/// What the server has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Counters {
    /// Messages that it got, requests included.
    pub in_msgs: u64,
    /// Messages that it gave.
    pub out_msgs: u64,
    /// Consumers that exist now.
    #[serde(default)]
    pub consumers: u64,
}

impl Nats {
    /// Starts one on these cores.
    pub fn start(cores: Cores) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let log = folder.path().join("server.log");
        let mut command = Command::new(test_support::nats::binary());
        command
            .args([
                "--addr",
                "127.0.0.1",
                "--port",
                ANY_PORT,
                "--http_port",
                ANY_PORT,
                "--jetstream",
                "--store_dir",
            ])
            .arg(folder.path().join("store"))
            .arg("--ports_file_dir")
            .arg(folder.path())
            .env(GARBAGE.0, GARBAGE.1)
            .stdout(Stdio::null());
        let mut server = Server::start(command, cores, &log)?;
        let ports = server.until(&log, |_| ports(folder.path()))?;
        Ok(Self {
            server,
            client: address(&ports.nats)?,
            monitoring: address(&ports.monitoring)?,
            _folder: folder,
        })
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        format!("nats://{}", self.client)
    }

    /// What it has counted so far.
    pub fn counters(&self) -> anyhow::Result<Counters> {
        let counters: Counters = serde_json::from_str(&http::get(self.monitoring, "/varz")?)?;
        let Consumers { consumers } = serde_json::from_str(&http::get(self.monitoring, "/jsz")?)?;
        Ok(Counters {
            consumers,
            ..counters
        })
    }

    /// A connection to append events over, as our services do it: with an id, and acknowledged.
    pub fn outlet(&self) -> anyhow::Result<Outlet> {
        let mut socket = TcpStream::connect(self.client)?;
        BufReader::new(&socket).read_line(&mut String::new())?;
        let options = r#"{"verbose":false,"pedantic":false,"headers":true,"no_responders":true}"#;
        socket.write_all(format!("CONNECT {options}\r\nSUB {ACKS} 1\r\n").as_bytes())?;
        Ok(Outlet::new(socket, Append::default())?)
    }
}

#[derive(Deserialize)]
struct Consumers {
    consumers: u64,
}

/// The server names the file after itself, and may be writing it.
fn ports(folder: &Path) -> Option<Ports> {
    let mut entries = folder.read_dir().ok()?.flatten().map(|entry| entry.path());
    let file = entries.find(|path| path.extension().is_some_and(|extension| extension == "ports"))?;
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}

fn address(urls: &[String]) -> anyhow::Result<SocketAddr> {
    let url = urls
        .first()
        .context("nats-server does not say where it listens")?;
    let (_, address) = url
        .split_once("://")
        .context("where nats-server listens is no URL")?;
    Ok(address.parse()?)
}

const ACKS: &str = "_INBOX.bench";

/// Speaks the [protocol] of clients.
///
/// [protocol]: https://docs.nats.io/reference/reference-protocols/nats-protocol
#[derive(Default)]
struct Append {
    head: String,
}

/// Counts the events of all connections: what has an id that was there before is not stored.
static APPENDED: AtomicU64 = AtomicU64::new(0);

impl Protocol for Append {
    fn publish(&mut self, to: Recipient, payload: &[u8], out: &mut Vec<u8>) {
        let id = APPENDED.fetch_add(1, Ordering::Relaxed);
        self.head.clear();
        // As long as the ids of events, which are UUIDs. Writing to a String cannot fail.
        let _ = write!(self.head, "NATS/1.0\r\nNats-Msg-Id: {id:036}\r\n\r\n");
        let (head, all) = (self.head.len(), self.head.len() + payload.len());
        let _ = match to {
            Recipient::Everybody => write!(out, "HPUB evt.all {ACKS} {head} {all}\r\n"),
            Recipient::Client(client) => write!(out, "HPUB evt.user.u{client} {ACKS} {head} {all}\r\n"),
        };
        out.extend_from_slice(self.head.as_bytes());
        out.extend_from_slice(payload);
        out.extend_from_slice(b"\r\n");
    }

    fn answer(&mut self, line: &[u8]) -> Answer {
        let is_ack = line.starts_with(br#"{"stream":"#);
        if is_ack && !line.ends_with(br#""duplicate": true}"#) {
            Answer::Taken
        } else if line == b"PING" {
            Answer::Reply(b"PONG\r\n")
        } else if is_ack
            || [&b"-ERR"[..], br#"{"error":"#, b"HMSG"]
                .iter()
                .any(|start| line.starts_with(start))
        {
            Answer::Refused
        } else {
            Answer::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_stored_counts_as_taken() {
        let mut append = Append::default();
        assert_eq!(append.answer(br#"{"stream":"EVENTS", "seq":1}"#), Answer::Taken);
        assert_eq!(
            append.answer(br#"{"stream":"EVENTS", "seq":1, "duplicate": true}"#),
            Answer::Refused
        );
        assert_eq!(
            append.answer(br#"{"error":{"code":400},"stream":"EVENTS","seq":0}"#),
            Answer::Refused
        );
        assert_eq!(append.answer(b"MSG _INBOX.bench 1 28"), Answer::Nothing);
        assert_eq!(append.answer(b"PING"), Answer::Reply(b"PONG\r\n"));
    }
}
