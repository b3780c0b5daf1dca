//! Real proxies in front of edges, with the configurations of `deploy/` as they are: only addresses are put in.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::lastcall::Process;
use crate::ports::free_port;
use crate::programs::{find, skipped};

const START_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);
const START_ATTEMPTS: usize = 5;

/// The edges that the configurations name. Each further one is a line like that of the last of them.
const EDGES: usize = 2;

/// A proxy that there is a configuration for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `deploy/haproxy/haproxy.cfg`
    Haproxy,
    /// `deploy/nginx/lastcall.conf.template`
    Nginx,
}

/// Where a process behind the proxy answers.
#[derive(Debug, Clone, Copy)]
pub struct Node {
    /// Its clients.
    pub http: SocketAddr,
    /// Those who ask whether it is ready.
    pub admin: SocketAddr,
}

/// What stands behind the proxy.
#[derive(Debug, Clone)]
pub struct Behind {
    /// Two or more.
    pub edges: Vec<Node>,
    /// Who answers everything else.
    pub inbox: Node,
    /// The origin whose pages may read what the proxy says itself.
    pub page_origin: Option<String>,
}

/// A running proxy. Dropping it ends it.
#[derive(Debug)]
pub struct Proxy {
    /// Where clients connect.
    pub address: SocketAddr,
    process: Process,
    _folder: TempDir,
}

impl Proxy {
    /// Starts a proxy and waits until it accepts connections. Where this machine has none of that kind, only a loud line is
    /// written to standard error.
    ///
    /// # Panics
    ///
    /// When it does not come up; the message carries what it says.
    pub async fn start(kind: Kind, behind: &Behind) -> Option<Self> {
        let name = kind.program();
        let Some(program) = find(name) else {
            skipped(&format!("no {name} on PATH"));
            return None;
        };
        let mut said = String::new();
        for _ in 0..START_ATTEMPTS {
            let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
            let folder = TempDir::new().expect("a folder for the proxy");
            let command = kind.command(&program, folder.path(), address, behind);
            let mut process = Process::start(command);
            if accepts(&mut process, address).await {
                return Some(Self {
                    address,
                    process,
                    _folder: folder,
                });
            }
            said = process.stderr();
        }
        panic!("{name} did not start:\n{said}");
    }

    /// What it wrote to its log, request by request.
    pub fn log(&self) -> String {
        self.process.stdout()
    }
}

impl Kind {
    fn program(self) -> &'static str {
        match self {
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
        }
    }

    fn command(self, program: &Path, folder: &Path, address: SocketAddr, behind: &Behind) -> Command {
        let mut command = Command::new(program);
        match self {
            Self::Haproxy => {
                let file = folder.join("haproxy.cfg");
                write(&file, &with_more_edges("haproxy/haproxy.cfg", behind.edges.len()));
                command.arg("-db").arg("-f").arg(file);
                command.envs(variables(address, behind));
                if behind.page_origin.is_none() {
                    command.env_remove("PAGE_ORIGIN");
                }
            }
            Self::Nginx => {
                write(&folder.join("lastcall.conf"), &nginx_recipe(address, behind));
                let file = folder.join("nginx.conf");
                write(&file, NGINX);
                command
                    .arg("-e")
                    .arg("stderr")
                    .arg("-p")
                    .arg(folder)
                    .arg("-c")
                    .arg(file);
            }
        }
        command
    }
}

/// What stands around the recipe in a distribution, with nothing outside of the test's own folder.
const NGINX: &str = "\
daemon off;
user root;
worker_processes 2;
pid nginx.pid;
events { worker_connections 8192; }
http {
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include lastcall.conf;
}
";

/// As `envsubst` does it.
fn nginx_recipe(address: SocketAddr, behind: &Behind) -> String {
    let recipe = with_more_edges("nginx/lastcall.conf.template", behind.edges.len());
    let recipe = recipe.replace("/var/log/nginx/access.log", "/dev/stdout");
    let mut variables = variables(address, behind);
    if behind.page_origin.is_none() {
        variables.push(("PAGE_ORIGIN".to_owned(), "none".to_owned()));
    }
    variables.iter().fold(recipe, |text, (name, value)| {
        text.replace(&format!("${{{name}}}"), value)
    })
}

fn variables(address: SocketAddr, behind: &Behind) -> Vec<(String, String)> {
    let edges = behind.edges.iter().enumerate();
    let mut variables: Vec<_> = edges
        .flat_map(|(index, edge)| node(&format!("EDGE_{}", index + 1), edge))
        .collect();
    variables.extend(node("INBOX_1", &behind.inbox));
    variables.push(("LISTEN".to_owned(), address.to_string()));
    let origin = behind.page_origin.iter();
    variables.extend(origin.map(|origin| ("PAGE_ORIGIN".to_owned(), origin.clone())));
    variables
}

fn node(name: &str, node: &Node) -> [(String, String); 2] {
    [
        (name.to_owned(), node.http.to_string()),
        (format!("{name}_ADMIN"), node.admin.port().to_string()),
    ]
}

/// The recipe, with a line more for each edge beyond those that it names.
fn with_more_edges(recipe: &str, edges: usize) -> String {
    assert!(edges >= EDGES, "the recipes are for {EDGES} edges or more");
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../deploy")
        .join(recipe);
    let text = std::fs::read_to_string(file).expect("the recipe is there");
    let mut whole = String::with_capacity(text.len());
    for line in text.lines() {
        whole.push_str(line);
        whole.push('\n');
        if line.trim_start().starts_with("server ") && line.contains("EDGE_2") {
            for number in EDGES + 1..=edges {
                let more = line.replace("EDGE_2", &format!("EDGE_{number}"));
                whole.push_str(&more.replace("edge2", &format!("edge{number}")));
                whole.push('\n');
            }
        }
    }
    whole
}

fn write(file: &Path, text: &str) {
    std::fs::write(file, text).expect("a file in a folder of ours");
}

async fn accepts(process: &mut Process, address: SocketAddr) -> bool {
    let deadline = Instant::now() + START_LIMIT;
    while TcpStream::connect(address).await.is_err() {
        if process.poll().is_some() || Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(POLL).await;
    }
    true
}
