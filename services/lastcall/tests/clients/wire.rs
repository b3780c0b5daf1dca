//! A wire between clients and a server, on which can be seen who has a position, and which is cut in the middle of an event.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use test_support::lastcall::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const PIECE: usize = 16 * 1024;

/// How the id of a block begins.
const ID: &[u8] = b"\nid: ";

/// A wire to one server. Dropping it cuts it.
pub(crate) struct Wire {
    /// Where clients connect.
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: JoinHandle<()>,
}

struct Shared {
    server: SocketAddr,
    /// All that were ever made.
    connections: AtomicUsize,
    /// Connections on which an id went to the client.
    positioned: AtomicUsize,
    /// Connections that were cut.
    severed: AtomicUsize,
    cuts: watch::Sender<Cut>,
}

#[derive(Clone, Copy)]
struct Cut {
    number: u64,
    /// How many bytes each client still gets.
    after: usize,
}

/// How a connection ends for its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// With what the server said last, or in the middle of it.
    Closed,
    /// As by something in between that has forgotten the connection.
    Reset,
}

/// Counts a connection as long as it is there.
struct Positioned<'a>(&'a Shared);

impl Wire {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            server,
            connections: AtomicUsize::new(0),
            positioned: AtomicUsize::new(0),
            severed: AtomicUsize::new(0),
            cuts: watch::Sender::new(Cut { number: 0, after: 0 }),
        });
        let acceptor = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            acceptor,
        }
    }

    /// Waits until so many clients are connected that have a position.
    pub(crate) async fn has_positioned(&self, clients: usize) {
        eventually(&format!("{clients} clients have a position"), async || {
            (self.shared.positioned.load(Ordering::Relaxed) == clients).then_some(())
        })
        .await;
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Waits until so many were made.
    pub(crate) async fn has_connections(&self, count: usize) {
        eventually(&format!("{count} connections were made"), async || {
            (self.connections() >= count).then_some(())
        })
        .await;
    }

    /// How many connections were cut so far.
    pub(crate) fn severed(&self) -> usize {
        self.shared.severed.load(Ordering::Relaxed)
    }

    /// Waits until so many were cut.
    pub(crate) async fn has_severed(&self, count: usize) {
        eventually(&format!("{count} connections were cut"), async || {
            (self.severed() >= count).then_some(())
        })
        .await;
    }

    /// Cuts each connection that there is now once its client got so many bytes more; with none at all it is reset.
    pub(crate) fn cut_after(&self, after: usize) {
        self.shared.cuts.send_modify(|cut| {
            cut.number += 1;
            cut.after = after;
        });
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.acceptor.abort();
        self.cut_after(0);
    }
}

impl<'a> Positioned<'a> {
    fn count(shared: &'a Shared) -> Self {
        shared.positioned.fetch_add(1, Ordering::Relaxed);
        Self(shared)
    }
}

impl Drop for Positioned<'_> {
    fn drop(&mut self) {
        self.0.positioned.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        shared.connections.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(&shared);
        // How it ends, the client tells: it comes back or it does not.
        tokio::spawn(async move { carry(client, &shared).await });
    }
}

/// When one direction ends the other does, too: a client that hears nothing more must not think that it is heard.
async fn carry(mut client: TcpStream, shared: &Shared) -> io::Result<()> {
    let cuts = shared.cuts.subscribe();
    let mut server = TcpStream::connect(shared.server).await?;
    client.set_nodelay(true)?;
    let (mut from_client, to_client) = client.split();
    let (from_server, mut to_server) = server.split();
    let end = tokio::select! {
        copied = tokio::io::copy(&mut from_client, &mut to_server) => copied.map(|_| End::Closed),
        end = pass(from_server, to_client, shared, cuts) => end,
    };
    if end? == End::Reset {
        client.set_zero_linger()?;
    }
    Ok(())
}

async fn pass(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    shared: &Shared,
    mut cuts: watch::Receiver<Cut>,
) -> io::Result<End> {
    let mut buffer = vec![0; PIECE];
    let mut left = usize::MAX;
    let mut heard = Vec::new();
    let mut positioned = None;
    while left > 0 {
        let read = tokio::select! {
            biased;
            changed = cuts.changed() => {
                changed.map_err(io::Error::other)?;
                left = cuts.borrow_and_update().after;
                continue;
            }
            read = from.read(&mut buffer) => read?,
        };
        if read == 0 {
            to.shutdown().await?;
            return Ok(End::Closed);
        }
        let piece = &buffer[..read.min(left)];
        to.write_all(piece).await?;
        left -= if left == usize::MAX { 0 } else { piece.len() };
        if positioned.is_none() {
            heard.extend_from_slice(piece);
            let has_id = heard.windows(ID.len()).any(|bytes| bytes == ID);
            positioned = has_id.then(|| Positioned::count(shared));
        }
    }
    shared.severed.fetch_add(1, Ordering::Relaxed);
    let at_once = cuts.borrow().after == 0;
    Ok(if at_once { End::Reset } else { End::Closed })
}
