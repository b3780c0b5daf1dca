//! Our edge.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};

use anyhow::Context as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use tempfile::TempDir;

use super::Server;
use super::cores::Cores;
use super::http;
use super::nats::Nats;
use crate::load::door::Door;

/// What signs tokens here, and nowhere else.
const KEY: &str = "only for measuring, on this machine";

/// Far behind the end of any measurement: 2100.
const EXPIRES: i64 = 4_102_444_800;

/// More than there are streams, users or addresses here.
const NO_LIMIT: usize = 1_000_000;

/// One edge as operators run it, with the limits that a crowd from one machine needs.
#[derive(Debug)]
pub struct LastcallEdge {
    /// Its process.
    pub server: Server,
    address: SocketAddr,
    _stdout: BufReader<ChildStdout>,
    _folder: TempDir,
}

#[derive(Serialize)]
struct Claims {
    sub: String,
    exp: i64,
}

impl LastcallEdge {
    /// Starts one on these cores, with a window of so many bytes or of the usual size, and waits until it is ready.
    pub fn start(
        lastcall: &Path,
        cores: Cores,
        nats: &Nats,
        window_bytes: Option<usize>,
    ) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let log = folder.path().join("edge.log");
        let mut server = Server::start(command(lastcall, nats, window_bytes), cores, &log)?;
        let stdout = server.child.stdout.take().context("its output is a pipe")?;
        let mut stdout = BufReader::new(stdout);
        let mut said = |start: &str| -> anyhow::Result<SocketAddr> {
            let mut line = String::new();
            stdout.read_line(&mut line)?;
            let address = line.trim().strip_prefix(start).with_context(|| {
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                format!("the edge says {line:?}, not {start:?}:\n{log}")
            })?;
            Ok(address.parse()?)
        };
        let address = said("listening on http://")?;
        let admin = said("admin on http://")?;
        server.until(&log, |_| http::get(admin, "/readyz").ok())?;
        Ok(Self {
            server,
            address,
            _stdout: stdout,
            _folder: folder,
        })
    }

    /// Its stream, for clients with these tokens.
    pub fn door(&self, tokens: &[String]) -> Door {
        let request = |token| {
            format!(
                "GET /v1/stream HTTP/1.1\r\nhost: {}\r\naccept: text/event-stream\r\nauthorization: Bearer {token}\r\n",
                self.address
            )
        };
        Door {
            address: self.address,
            requests: tokens.iter().map(request).collect(),
            receive_buffer: None,
        }
    }
}

/// A token for each client: the users are u0, u1, …
pub fn tokens(clients: usize) -> anyhow::Result<Vec<String>> {
    let (header, key) = (
        Header::new(Algorithm::HS256),
        EncodingKey::from_secret(KEY.as_bytes()),
    );
    let token = |client| {
        let claims = Claims {
            sub: format!("u{client}"),
            exp: EXPIRES,
        };
        Ok(jsonwebtoken::encode(&header, &claims, &key)?)
    };
    (0..clients).map(token).collect()
}

fn command(lastcall: &Path, nats: &Nats, window_bytes: Option<usize>) -> Command {
    let mut command = Command::new(lastcall);
    // What is set for the one who measures is no part of it.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LASTCALL_") {
            command.env_remove(name);
        }
    }
    command.args(["edge", "--http", "127.0.0.1:0", "--nats", &nats.url()]);
    for setting in [
        "admin.listen=127.0.0.1:0".to_owned(),
        format!("auth.hs256_key={KEY}"),
        format!("edge.max_streams={NO_LIMIT}"),
        format!("edge.max_streams_per_user={NO_LIMIT}"),
        format!("edge.max_streams_per_address={NO_LIMIT}"),
    ] {
        command.args(["--set", &setting]);
    }
    if let Some(bytes) = window_bytes {
        command.arg("--set").arg(format!("edge.window_bytes={bytes}"));
    }
    command.stdout(Stdio::piped());
    command
}
