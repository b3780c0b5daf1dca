//! Several real `nats-server` processes in one cluster, any of which can be held still for a while.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::nats::{binary, exchange};
use crate::ports::free_port;

const START_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// A running cluster. Dropping it kills its servers and deletes their stores.
#[derive(Debug)]
pub struct NatsCluster {
    nodes: Vec<Node>,
    directory: TempDir,
}

#[derive(Debug)]
struct Node {
    name: String,
    port: u16,
    process: Child,
}

impl NatsCluster {
    /// Starts so many servers with JetStream, and waits until they have chosen who leads them.
    ///
    /// # Panics
    ///
    /// When they do not come up within a minute; the message carries their logs.
    pub async fn start(servers: usize) -> Self {
        let directory = TempDir::new().expect("a folder for the servers' stores");
        let routes: Vec<u16> = (0..servers).map(|_| free_port()).collect();
        let nodes = routes.iter().enumerate().map(|(place, &route)| {
            let folder = directory.path().join(format!("n{place}"));
            Node::launch(format!("n{place}"), route, &routes, &folder).expect("nats-server can be started")
        });
        let cluster = Self {
            nodes: nodes.collect(),
            directory,
        };
        cluster.until_led().await;
        cluster
    }

    /// Where clients of one server connect.
    ///
    /// # Panics
    ///
    /// When there is no such server.
    pub fn url(&self, server: usize) -> String {
        format!("nats://127.0.0.1:{}", self.nodes[server].port)
    }

    /// Which server leads a stream, if one does.
    pub async fn leader(&self, stream: &str) -> Option<usize> {
        let subject = format!("$JS.API.STREAM.INFO.{stream}");
        let info = self.ask(&subject).await?;
        let leader = info["cluster"]["leader"].as_str()?;
        self.nodes.iter().position(|node| node.name == leader)
    }

    /// Holds a server still, as a machine does that has no time for it.
    ///
    /// # Panics
    ///
    /// When its process is gone.
    pub fn hold(&self, server: usize) {
        self.signal(server, Signal::STOP);
    }

    /// Lets it go on.
    ///
    /// # Panics
    ///
    /// When its process is gone.
    pub fn release(&self, server: usize) {
        self.signal(server, Signal::CONT);
    }

    fn signal(&self, server: usize, signal: Signal) {
        let id = self.nodes[server]
            .process
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()));
        kill_process(id.expect("the server runs"), signal).expect("a child can be signalled");
    }

    async fn until_led(&self) {
        let deadline = Instant::now() + START_LIMIT;
        while self
            .ask("$JS.API.INFO")
            .await
            .is_none_or(|answer| answer.get("error").is_some())
        {
            assert!(
                Instant::now() < deadline,
                "the cluster has no leader:\n{}",
                self.logs()
            );
            tokio::time::sleep(POLL).await;
        }
    }

    async fn ask(&self, subject: &str) -> Option<Value> {
        let answer = exchange(self.nodes[0].port, subject, b"");
        let answer = tokio::time::timeout(Duration::from_secs(2), answer).await;
        serde_json::from_str(&answer.ok()?.ok()?).ok()
    }

    fn logs(&self) -> String {
        let log = |node: &Node| fs::read_to_string(self.directory.path().join(&node.name).join("server.log"));
        self.nodes.iter().filter_map(|node| log(node).ok()).collect()
    }
}

impl Node {
    fn launch(name: String, route: u16, routes: &[u16], folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let port = free_port();
        let peers: Vec<_> = routes
            .iter()
            .map(|route| format!("nats://127.0.0.1:{route}"))
            .collect();
        let process = Command::new(binary())
            .args(["--addr", "127.0.0.1", "--port", &port.to_string()])
            .args(["--name", &name, "--cluster_name", "test"])
            .args(["--cluster", &format!("nats://127.0.0.1:{route}")])
            .args(["--routes", &peers.join(",")])
            .args(["--jetstream", "--store_dir"])
            .arg(folder.join("store"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("server.log"))?)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self { name, port, process })
    }
}
