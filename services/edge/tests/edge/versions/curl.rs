//! curl as a client of the event stream: its HTTP/2 and its TLS are by other people than ours.

use std::path::Path;
use std::process::Stdio;

use test_support::programs;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStdout, Command};

use crate::{LIMIT, token};

/// How it connects.
#[derive(Debug, Clone, Copy)]
pub(crate) enum How<'a> {
    /// HTTP/2 without having asked.
    H2c,
    /// HTTP/2 and TLS 1.3, with what is known of the server's certificate.
    H2Tls(&'a Path),
    /// HTTP/1.1 and TLS 1.2.
    Http1Tls(&'a Path),
}

/// Whether there is one. Says that a test is skipped if not.
pub(crate) fn is_there() -> bool {
    let found = programs::find("curl").is_some();
    if !found {
        programs::skipped("streams over HTTP/2 and TLS need curl");
    }
    found
}

/// One connection. Dropping it closes it.
pub(crate) struct Curl {
    _process: Child,
    stdout: ChildStdout,
    heard: String,
}

impl Curl {
    /// Asks for ann's stream, after that id.
    pub(crate) fn start(how: How<'_>, url: &str, last_event_id: &str) -> Self {
        let mut command = Command::new("curl");
        command.args(["--silent", "--no-buffer", "--include", "--noproxy", "*"]);
        match how {
            How::H2c => command.arg("--http2-prior-knowledge"),
            How::H2Tls(certificate) => command
                .args(["--http2", "--tlsv1.3", "--cacert"])
                .arg(certificate),
            How::Http1Tls(certificate) => command
                .args(["--http1.1", "--tls-max", "1.2", "--cacert"])
                .arg(certificate),
        };
        let headers = [
            format!("authorization: Bearer {}", token("ann")),
            format!("last-event-id: {last_event_id}"),
        ];
        for header in headers {
            command.arg("--header").arg(header);
        }
        let mut process = command
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("curl starts");
        Self {
            stdout: process.stdout.take().expect("it is piped"),
            _process: process,
            heard: String::new(),
        }
    }

    /// Reads on until so many events are there; returns what they say, and the id of the last block.
    pub(crate) async fn take(&mut self, count: usize) -> (Vec<String>, String) {
        let taking = async {
            while self.data().count() < count {
                assert!(self.read().await > 0, "the stream ended: {}", self.heard);
            }
        };
        let taken = tokio::time::timeout(LIMIT, taking).await;
        assert!(taken.is_ok(), "{} of {count} events", self.data().count());
        let whole = self.heard.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
        let id = whole.lines().rev().find_map(|line| line.strip_prefix("id: "));
        (
            self.data().map(ToOwned::to_owned).collect(),
            id.expect("an id").to_owned(),
        )
    }

    /// Everything that was said, once the server has ended it.
    pub(crate) async fn end(mut self) -> String {
        let ending = async { while self.read().await > 0 {} };
        tokio::time::timeout(LIMIT, ending)
            .await
            .expect("the stream ends");
        self.heard
    }

    /// The first line of the answer.
    pub(crate) fn status(&self) -> &str {
        self.heard.lines().next().unwrap_or_default().trim_end()
    }

    /// What whole events say.
    fn data(&self) -> impl Iterator<Item = &str> {
        let whole = self.heard.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
        whole.lines().filter_map(|line| line.strip_prefix("data: "))
    }

    async fn read(&mut self) -> usize {
        let mut bytes = [0; 4_096];
        let count = self.stdout.read(&mut bytes).await.expect("the pipe holds");
        self.heard
            .push_str(std::str::from_utf8(&bytes[..count]).expect("ASCII"));
        count
    }
}
