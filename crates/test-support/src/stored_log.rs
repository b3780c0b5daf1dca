//! The log as nats-server holds it, read past everything of ours: over a socket, in the server's own [protocol].
//!
//! What judges whether clients got what the log holds must not learn that from the code that served them.
//!
//! [protocol]: https://docs.nats.io/reference/reference-protocols/nats-protocol

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::nats::NatsServer;

const LIMIT: Duration = Duration::from_secs(60);

/// Messages asked for at once.
const BATCH: u64 = 1_000;

const INBOX: &str = "_INBOX.stored";

/// A message of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its place.
    pub sequence: u64,
    /// What it is stored under.
    pub subject: String,
    /// What it says.
    pub payload: Vec<u8>,
}

/// Reads the whole log after a sequence.
///
/// # Panics
///
/// When the server does not answer within 60 s, or not as its protocol has it.
pub async fn read(server: &NatsServer, stream: &str, after: u64) -> Vec<Message> {
    let read = tokio::time::timeout(LIMIT, read_all(server, stream, after)).await;
    read.expect("the log is read in time")
        .expect("the server speaks its protocol")
}

/// The last sequence of the log; 0 before the first.
///
/// # Panics
///
/// When there is no such stream.
pub async fn last_sequence(server: &NatsServer, stream: &str) -> u64 {
    state(server, stream, "last_seq").await
}

/// How many follow the log now.
///
/// # Panics
///
/// When there is no such stream.
pub async fn consumers(server: &NatsServer, stream: &str) -> u64 {
    state(server, stream, "consumer_count").await
}

async fn state(server: &NatsServer, stream: &str, field: &str) -> u64 {
    let info = server
        .request(&format!("$JS.API.STREAM.INFO.{stream}"), b"")
        .await;
    let info: Value = serde_json::from_str(&info).expect("the answer is JSON");
    info["state"][field].as_u64().expect("there is such a stream")
}

/// An answer, as far as its headers tell.
struct Answer {
    status: Option<u16>,
    headers: HashMap<String, String>,
    payload: Vec<u8>,
}

async fn read_all(server: &NatsServer, stream: &str, after: u64) -> io::Result<Vec<Message>> {
    let mut connection = BufReader::new(TcpStream::connect(server.address()).await?);
    let hello = format!("CONNECT {{\"verbose\":false,\"headers\":true}}\r\nSUB {INBOX} 1\r\n");
    connection.write_all(hello.as_bytes()).await?;
    let mut messages: Vec<Message> = Vec::new();
    loop {
        let next = messages.last().map_or(after, |last| last.sequence) + 1;
        let question = json!({"seq": next, "next_by_subj": ">", "batch": BATCH}).to_string();
        let request = format!(
            "PUB $JS.API.DIRECT.GET.{stream} {INBOX} {}\r\n{question}\r\n",
            question.len()
        );
        connection.write_all(request.as_bytes()).await?;
        if read_batch(&mut connection, &mut messages).await? == Rest::Nothing {
            return Ok(messages);
        }
    }
}

/// What is behind a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    More,
}

async fn read_batch(connection: &mut BufReader<TcpStream>, messages: &mut Vec<Message>) -> io::Result<Rest> {
    loop {
        let answer = answer(connection).await?;
        match answer.status {
            None => messages.push(answer.message()?),
            Some(404) => return Ok(Rest::Nothing),
            Some(204) if answer.header("Nats-Num-Pending")? == "0" => return Ok(Rest::Nothing),
            Some(204) => return Ok(Rest::More),
            Some(status) => return Err(io::Error::other(format!("the server refused: {status}"))),
        }
    }
}

impl Answer {
    fn header(&self, name: &str) -> io::Result<&str> {
        let missing = || io::Error::other(format!("an answer without {name}"));
        self.headers.get(name).map(String::as_str).ok_or_else(missing)
    }

    fn message(self) -> io::Result<Message> {
        let sequence = self.header("Nats-Sequence")?.parse();
        Ok(Message {
            sequence: sequence.map_err(io::Error::other)?,
            subject: self.header("Nats-Subject")?.to_owned(),
            payload: self.payload,
        })
    }
}

/// The next `HMSG <subject> <subscription> [reply] <bytes of headers> <bytes of all>`.
async fn answer(connection: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.starts_with("PING") {
            connection.write_all(b"PONG\r\n").await?;
        } else if let Some(sizes) = line.strip_prefix("HMSG ") {
            let mut sizes = sizes.split_whitespace().rev().map(str::parse::<usize>);
            let (Some(Ok(all)), Some(Ok(head))) = (sizes.next(), sizes.next()) else {
                return Err(io::ErrorKind::InvalidData.into());
            };
            let mut content = vec![0; all + 2];
            connection.read_exact(&mut content).await?;
            content.truncate(all);
            let payload = content.split_off(head.min(all));
            return Ok(parse(&String::from_utf8_lossy(&content), payload));
        }
    }
}

/// `NATS/1.0 [status]` and headers, as those of HTTP.
fn parse(head: &str, payload: Vec<u8>) -> Answer {
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    Answer {
        status,
        headers,
        payload,
    }
}
