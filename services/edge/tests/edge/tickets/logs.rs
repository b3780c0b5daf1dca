//! What is logged of a request with a ticket.

use std::io;
use std::sync::{Arc, Mutex};

use edge::Settings;
use test_support::nats::NatsServer;
use test_support::programs;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{LIMIT, Node, open, token};

/// Everything that is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_ticket_is_ever_logged() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let mut server = NatsServer::start().await;
    let node = Node::start(&open(&server).await, Settings::default()).await;
    // Not over reqwest: that one logs on this thread, too, and is no part of the edge.
    let bearer = format!("authorization: Bearer {}", token("ann"));
    let made = raw(&node, "POST /v1/stream/ticket", &bearer, "}").await;
    let good = made.split("\"ticket\":\"").nth(1).expect("a ticket")[..64].to_owned();
    let request = format!("GET /v1/stream?ticket={good}");
    for answer in ["retry: ", "}"] {
        raw(&node, &request, "accept: */*", answer).await;
    }
    if let Some(curl) = programs::find("curl") {
        let address = format!("{}?ticket={good}", node.url);
        let asked = tokio::process::Command::new(curl)
            .args(["--silent", "--http2-prior-knowledge", "--noproxy", "*", &address])
            .output();
        let asked = tokio::time::timeout(LIMIT, asked).await;
        let said = asked.expect("in time").expect("it runs").stdout;
        assert!(String::from_utf8_lossy(&said).contains("unauthenticated"));
    }
    server.kill().await;
    raw(&node, &request, "accept: */*", "retry: ").await;
    let logged = String::from_utf8_lossy(&log.0.lock().expect("nobody panicked")).into_owned();
    assert!(logged.contains("nats"), "something is logged");
    let at = logged.find(&good);
    assert!(
        at.is_none(),
        "{}",
        &logged[at.unwrap_or_default().saturating_sub(300)..]
    );
}

/// An answer up to some text, over a socket of its own.
async fn raw(node: &Node, request: &str, header: &str, until: &str) -> String {
    let socket = TcpStream::connect(node.address()).await;
    let mut socket = socket.expect("a connection");
    let request = format!("{request} HTTP/1.1\r\nhost: x\r\n{header}\r\n\r\n");
    socket.write_all(request.as_bytes()).await.expect("it goes out");
    let mut heard = String::new();
    while !heard.contains(until) {
        let mut bytes = [0; 4_096];
        let count = tokio::time::timeout(LIMIT, socket.read(&mut bytes)).await;
        let count = count.expect("in time").expect("an answer");
        assert!(count > 0, "it ended: {heard}");
        heard.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    heard
}
