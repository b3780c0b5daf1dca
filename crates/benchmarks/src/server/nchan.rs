//! The peer: nchan, in an nginx with one worker, as Debian has them.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use tempfile::TempDir;

use super::Server;
use super::cores::Cores;
use crate::load::door::Door;
use crate::load::event::Recipient;
use crate::load::outlet::{Answer, Outlet, Protocol};
use crate::machine;

const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";
const NGINX: [&str; 2] = ["/usr/sbin/nginx", "/usr/local/sbin/nginx"];

/// An nginx with nchan.
#[derive(Debug)]
pub struct Nchan {
    /// Its worker.
    pub server: Server,
    address: SocketAddr,
    _folder: TempDir,
}

impl Nchan {
    /// The nginx of this machine.
    ///
    /// # Errors
    ///
    /// When it is not there, or has no nchan.
    pub fn binary() -> anyhow::Result<PathBuf> {
        let nginx = NGINX.iter().map(PathBuf::from).find(|path| path.is_file());
        nginx.filter(|_| Path::new(MODULE).is_file()).context(
            "there is no nginx with nchan, which is what the edge is compared with; \
             on Debian: apt-get install nginx libnginx-mod-nchan, which deploy/tools/nchan.sh does",
        )
    }

    /// Which nginx this machine has.
    pub fn version() -> anyhow::Result<String> {
        let output = Command::new(Self::binary()?).arg("-v").output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        Ok(said.trim().trim_start_matches("nginx version: ").to_owned())
    }

    /// Starts one on these cores, for so many clients.
    pub fn start(cores: Cores, clients: usize) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        // Nobody else takes it meanwhile: clients come from other addresses.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let (file, log) = (folder.path().join("nginx.conf"), folder.path().join("error.log"));
        std::fs::write(&file, configuration(folder.path(), address, clients))?;
        let mut command = Command::new(Self::binary()?);
        command
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&file)
            .arg("-e")
            .arg("stderr")
            .stdout(Stdio::null());
        let mut server = Server::start(command, cores, &log)?;
        let worker = server.until(&log, |master| {
            TcpStream::connect(address).ok()?;
            machine::children(master).first().copied()
        })?;
        server.works_in(worker);
        Ok(Self {
            server,
            address,
            _folder: folder,
        })
    }

    /// Each client's own channel.
    pub fn own(&self, clients: usize) -> Door {
        self.door(clients, |client| format!("u{client}"))
    }

    /// One channel for all clients.
    pub fn everybodys(&self, clients: usize) -> Door {
        self.door(clients, |_| "all".to_owned())
    }

    fn door(&self, clients: usize, channel: impl Fn(usize) -> String) -> Door {
        let request = |client| {
            let channel = channel(client);
            format!("GET /sub/{channel} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n")
        };
        Door {
            address: self.address,
            requests: (0..clients).map(request).collect(),
            receive_buffer: None,
        }
    }

    /// A kept-alive connection to publish over.
    pub fn outlet(&self) -> anyhow::Result<Outlet> {
        Ok(Outlet::new(TcpStream::connect(self.address)?, Post)?)
    }
}

/// Beyond 15/16 of its connections nginx closes those that are idle, and so streams; so it is told that it may have many more.
/// A head of a request is read together with the next ones. What is left out here costs nchan time.
fn configuration(folder: &Path, address: SocketAddr, clients: usize) -> String {
    let (folder, connections) = (folder.display(), 2 * clients + 1_024);
    format!(
        "load_module {MODULE};
user root;
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections {connections}; multi_accept on; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    tcp_nodelay on;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    client_header_buffer_size 16k;
    nchan_shared_memory_size 1024M;
    server {{
        listen {address} backlog=4096;
        location ~ ^/sub/(.+)$ {{
            nchan_subscriber eventsource;
            nchan_channel_id $1;
            nchan_subscriber_first_message newest;
        }}
        location ~ ^/pub/(.+)$ {{
            nchan_publisher http;
            nchan_channel_id $1;
            nchan_message_buffer_length 100;
            nchan_message_timeout 10m;
        }}
    }}
}}
"
    )
}

const HTTP: &[u8] = b"HTTP/1.1 ";

/// One POST for each event, one behind the other.
struct Post;

impl Protocol for Post {
    fn publish(&mut self, to: Recipient, payload: &[u8], out: &mut Vec<u8>) {
        let bytes = payload.len();
        let rest = format_args!("HTTP/1.1\r\nhost: localhost\r\ncontent-length: {bytes}\r\n\r\n");
        // Writing to a Vec cannot fail.
        let _ = match to {
            Recipient::Everybody => write!(out, "POST /pub/all {rest}"),
            Recipient::Client(client) => write!(out, "POST /pub/u{client} {rest}"),
        };
        out.extend_from_slice(payload);
    }

    /// The body of an answer has no line break at its end, so that the next answer begins in its last line.
    fn answer(&mut self, line: &[u8]) -> Answer {
        let status = line
            .windows(HTTP.len() + 1)
            .find_map(|part| part.strip_prefix(HTTP));
        match status {
            Some(b"2") => Answer::Taken,
            Some(_) => Answer::Refused,
            None => Answer::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_found_behind_the_body_of_the_one_before() {
        assert_eq!(Post.answer(b"HTTP/1.1 201 Created"), Answer::Taken);
        assert_eq!(
            Post.answer(b"last message id: 1795342585:0HTTP/1.1 202 Accepted"),
            Answer::Taken
        );
        assert_eq!(
            Post.answer(b"last message id: 1795342585:0HTTP/1.1 413 Too Large"),
            Answer::Refused
        );
        assert_eq!(Post.answer(b"queued messages: 1"), Answer::Nothing);
    }
}
