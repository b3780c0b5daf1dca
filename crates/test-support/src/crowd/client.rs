//! One light client: a socket, two parsers, and what it was told.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::crowd::blocks::{Block, Blocks};
use crate::crowd::response::{Response, ResponseError};
use crate::crowd::{Member, Shared};
use crate::history::{Digest, End, Gap, What};
use crate::random::Random;

/// Bytes that are read at once.
const READ: usize = 8 * 1024;

/// When to come back, for a client that was never told.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The longest that a client waits when nobody is there.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(5);

/// After what part of the retry time, at most, a client comes back later than it may.
const JITTER: u32 = 5;

/// A client that comes back for ever.
pub(super) struct Client {
    pub(super) member: Member,
    pub(super) epoch: Arc<str>,
    pub(super) shared: Arc<Shared>,
    pub(super) random: Random,
    pub(super) standing: Standing,
}

/// What a client knows from one connection to the next.
#[derive(Default)]
pub(super) struct Standing {
    last_id: Option<String>,
    retry: Option<Duration>,
    /// Connections in a row of which nothing came.
    failures: u32,
}

/// What a connection has brought so far.
struct Connection {
    socket: TcpStream,
    response: Response,
    blocks: Blocks,
}

impl Client {
    /// Connects again and again.
    pub(super) async fn run(mut self) {
        loop {
            let delay = self.delay();
            tokio::time::sleep(delay).await;
            let after = self.standing.last_id.as_deref().and_then(|id| self.sequence(id));
            self.shared.tell(What::Connects { after });
            let end = match connect(self.member.address).await {
                Ok(socket) => self.listen(socket).await,
                Err(_) => End::Refused,
            };
            self.shared.tell(What::Ends(end));
        }
    }

    /// The first time at once; then when it was told to, or ever later when nobody is there.
    fn delay(&mut self) -> Duration {
        let Some(retry) = self.standing.retry else {
            self.standing.retry = Some(FIRST_RETRY);
            return self.random.between(Duration::ZERO, FIRST_RETRY);
        };
        let delay = match self.standing.failures {
            0 => retry,
            failures => retry.max((retry * 2_u32.pow(failures.min(8))).min(LONGEST_BACK_OFF)),
        };
        self.standing.failures += 1;
        delay + self.random.between(Duration::ZERO, delay / JITTER)
    }

    async fn listen(&mut self, socket: TcpStream) -> End {
        let mut connection = Connection {
            socket,
            response: Response::default(),
            blocks: Blocks::default(),
        };
        match self.exchange(&mut connection).await {
            Ok(()) => End::Over,
            Err(_) => End::Broken,
        }
    }

    async fn exchange(&mut self, connection: &mut Connection) -> io::Result<()> {
        connection.socket.write_all(self.request().as_bytes()).await?;
        while !connection.response.is_over() {
            connection.socket.readable().await?;
            self.hear(connection)?;
        }
        Ok(())
    }

    fn request(&self) -> String {
        let Member { path, token, .. } = &self.member;
        let mut request = format!(
            "GET {path} HTTP/1.1\r\nhost: edge\r\naccept: text/event-stream\r\nauthorization: Bearer {token}\r\n"
        );
        if let Some(id) = &self.standing.last_id {
            request += &format!("last-event-id: {id}\r\n");
        }
        request + "\r\n"
    }

    /// Reads what is there. The buffer lives only here: two thousand clients that wait are to cost nothing.
    fn hear(&mut self, connection: &mut Connection) -> io::Result<()> {
        let mut buffer = [0; READ];
        let bytes = match connection.socket.try_read(&mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(bytes) => &buffer[..bytes],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        let Connection { response, blocks, .. } = connection;
        let taken = response.take(bytes, |body| blocks.take(body, |block| self.told(&block)));
        taken.map_err(|error| {
            if let ResponseError::Unfit(what) = &error {
                self.shared.tell(What::Nonsense(what.as_str().into()));
            }
            io::Error::other(error)
        })
    }

    fn told(&mut self, block: &Block<'_>) {
        if let Some(retry) = block.retry {
            self.standing.retry = Some(retry);
        }
        let Some(what) = self.understand(block) else {
            return;
        };
        self.standing.failures = 0;
        if let Some(id) = &block.id {
            self.standing.last_id = Some(id.clone());
        }
        self.shared.tell(what);
    }

    /// Nothing, for a block that says only when to come back.
    fn understand(&self, block: &Block<'_>) -> Option<What> {
        let nonsense = |what: String| Some(What::Nonsense(what.into()));
        let sequence = match &block.id {
            None if block.data.is_none() => return None,
            None => return nonsense("an event without an id".to_owned()),
            Some(id) => match self.sequence(id) {
                Some(sequence) => sequence,
                None => return nonsense(format!("the id {id:?}")),
            },
        };
        match (block.event, block.data) {
            ("", None) => Some(What::Position(sequence)),
            ("", Some(data)) => Some(What::Event {
                sequence,
                digest: Digest::of(data),
            }),
            ("gap", Some(data)) => match self.gap(sequence, data) {
                Some(gap) => Some(What::Gap(Box::new(gap))),
                None => nonsense(format!("the gap {:?}", String::from_utf8_lossy(data))),
            },
            (event, _) => nonsense(format!("an event of the type {event:?}")),
        }
    }

    /// The sequence of a position in the log that there is.
    fn sequence(&self, id: &str) -> Option<u64> {
        let (epoch, sequence) = id.split_once('.')?;
        sequence.parse().ok().filter(|_| *epoch == *self.epoch)
    }

    fn gap(&self, resumed_from: u64, data: &[u8]) -> Option<Gap> {
        let data: Value = serde_json::from_slice(data).ok()?;
        let sequence_of = |field: &str| self.sequence(data[field].as_str()?);
        Some(Gap {
            reason: data["reason"].as_str()?.to_owned(),
            requested: sequence_of("requested")?,
            resumed_from: sequence_of("resumed_from").filter(|told| *told == resumed_from)?,
        })
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    Ok(socket)
}
