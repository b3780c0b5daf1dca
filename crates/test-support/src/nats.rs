//! A real `nats-server` of a test's own: a free port, its own store, killed and started again at will.
//!
//! The binary is the one named by `LASTCALL_NATS_SERVER`, else the first on `PATH`, else the one that the Makefile put
//! below `.tools`.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::ports::free_port;

const BINARY_VARIABLE: &str = "LASTCALL_NATS_SERVER";
const BINARY: &str = "nats-server";
const START_LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);
const START_ATTEMPTS: usize = 5;

/// A running (or killed) server. Dropping it kills the process and deletes the store.
#[derive(Debug)]
pub struct NatsServer {
    process: Option<Child>,
    directory: TempDir,
    port: u16,
}

impl NatsServer {
    /// Starts a server with JetStream and waits until it answers.
    ///
    /// # Panics
    ///
    /// When there is no binary, or it does not come up within 20 s; the message carries the server's own log.
    pub async fn start() -> Self {
        let directory = TempDir::new().expect("a folder for the server's store");
        let mut server = Self {
            process: None,
            directory,
            port: 0,
        };
        for _ in 0..START_ATTEMPTS {
            server.port = free_port();
            if server.launch().await.is_ok() {
                return server;
            }
        }
        panic!("nats-server did not start:\n{}", server.log());
    }

    /// Where clients connect, for example `nats://127.0.0.1:21043`.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The same, for those who speak to it themselves.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The server's process, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref()?.id()
    }

    /// Sends something by hand, as anybody with access to the server can, and returns the answer: of a stream for a
    /// message that it stored, of the JetStream API for a request.
    ///
    /// Speaks the [protocol] itself, so that it can send what no code of ours would.
    ///
    /// # Panics
    ///
    /// When there is no answer within 20 s.
    ///
    /// [protocol]: https://docs.nats.io/reference/reference-protocols/nats-protocol
    pub async fn request(&self, subject: &str, payload: &[u8]) -> String {
        let answer = tokio::time::timeout(START_LIMIT, exchange(self.port, subject, payload)).await;
        answer
            .expect("the server answers in time")
            .expect("the server speaks its protocol")
    }

    /// Ends the server as `kill -9` does. The store stays as it is.
    pub async fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().await.expect("the server can be killed");
        }
    }

    /// Starts the killed server again on the same port and store.
    ///
    /// # Panics
    ///
    /// When it does not come up within 20 s.
    pub async fn restart(&mut self) {
        self.kill().await;
        if let Err(error) = self.launch().await {
            panic!("nats-server did not come back: {error}\n{}", self.log());
        }
    }

    /// Ends the server, takes its store away and starts it on the same port: the log that clients knew is gone.
    ///
    /// # Panics
    ///
    /// When it does not come up within 20 s.
    pub async fn restart_empty(&mut self) {
        self.kill().await;
        std::fs::remove_dir_all(self.store()).expect("the store can be deleted");
        self.restart().await;
    }

    /// Copies the store while the server is down, to be put back by [`NatsServer::restart_from`].
    ///
    /// # Panics
    ///
    /// When the server runs, or the copy fails.
    pub fn snapshot(&self) -> TempDir {
        assert!(
            self.process.is_none(),
            "a store is copied while its server is down"
        );
        let copy = TempDir::new().expect("a folder for the copy");
        copy_folder(&self.store(), copy.path()).expect("the store can be copied");
        copy
    }

    /// The same of a server that runs, which is down for as long as that takes.
    ///
    /// # Panics
    ///
    /// When it does not come up within 20 s, or the copy fails.
    pub async fn snapshot_of_now(&mut self) -> TempDir {
        self.kill().await;
        let snapshot = self.snapshot();
        self.restart().await;
        snapshot
    }

    /// Ends the server, puts an older store in place of its own and starts it again: a server that lost its last
    /// messages, as after a power failure.
    ///
    /// # Panics
    ///
    /// When it does not come up within 20 s.
    pub async fn restart_from(&mut self, snapshot: &TempDir) {
        self.kill().await;
        std::fs::remove_dir_all(self.store()).expect("the store can be deleted");
        copy_folder(snapshot.path(), &self.store()).expect("the copy can be put back");
        self.restart().await;
    }

    async fn launch(&mut self) -> io::Result<()> {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.log_file())?;
        let process = Command::new(binary())
            .args([
                "--addr",
                "127.0.0.1",
                "--port",
                &self.port.to_string(),
                "--jetstream",
                "--store_dir",
            ])
            .arg(self.store())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let process = self.process.insert(process);
        let deadline = Instant::now() + START_LIMIT;
        while !answers(self.port).await {
            if let Some(status) = process.try_wait()? {
                return Err(io::Error::other(format!("it ended with {status}")));
            }
            if Instant::now() > deadline {
                return Err(io::Error::other(format!(
                    "no answer on port {} within {START_LIMIT:?}",
                    self.port
                )));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    fn store(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    fn log_file(&self) -> PathBuf {
        self.directory.path().join("server.log")
    }

    /// What it wrote to its log, over all its lives.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }
}

/// The server greets with `INFO {…}` once it accepts; its streams are recovered before that.
async fn answers(port: u16) -> bool {
    let Ok(connection) = TcpStream::connect(("127.0.0.1", port)).await else {
        return false;
    };
    let mut greeting = String::new();
    let read = BufReader::new(connection).read_line(&mut greeting).await;
    read.is_ok() && greeting.starts_with("INFO ") && greeting.contains("\"jetstream\":true")
}

pub(crate) async fn exchange(port: u16, subject: &str, payload: &[u8]) -> io::Result<String> {
    let mut connection = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await?);
    let inbox = format!("_INBOX.{}", uuid::Uuid::new_v4().simple());
    let mut request = format!(
        "CONNECT {{\"verbose\":false,\"pedantic\":false}}\r\nSUB {inbox} 1\r\nPUB {subject} {inbox} {}\r\n",
        payload.len()
    )
    .into_bytes();
    request.extend_from_slice(payload);
    request.extend_from_slice(b"\r\n");
    connection.write_all(&request).await?;
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // MSG <subject> <subscription> <bytes>
        if line.starts_with("MSG ") {
            let bytes = line
                .split_whitespace()
                .last()
                .and_then(|bytes| bytes.parse().ok());
            let mut answer = vec![0; bytes.ok_or(io::ErrorKind::InvalidData)?];
            connection.read_exact(&mut answer).await?;
            return Ok(String::from_utf8_lossy(&answer).into_owned());
        }
    }
}

/// The server's binary.
///
/// # Panics
///
/// When there is none.
pub fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os(BINARY_VARIABLE) {
        return named.into();
    }
    let on_path = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path)
            .map(|folder| folder.join(BINARY))
            .find(|candidate| candidate.is_file())
    });
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let fetched = root.join(".tools/venv/bin").join(BINARY);
    on_path
        .or_else(|| fetched.is_file().then_some(fetched))
        .unwrap_or_else(|| {
            panic!("no nats-server: set {BINARY_VARIABLE}, put it on PATH, or fetch it with the Makefile")
        })
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
