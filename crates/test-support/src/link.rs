//! A network between two processes that fails on demand: it is cut, becomes slow, or swallows everything.
//!
//! Clients of a server connect to the link instead, which passes on what either side says. A link that is silent keeps
//! its connections and moves nothing, in both directions, as a network does that drops packets for a while: neither side
//! learns of it, and when it is over everything goes on where it stood. A cut resets both ends.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Bytes that are moved at once.
const PIECE: usize = 16 * 1024;

/// After an accept that failed for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// How a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Everything passes at once.
    Open,
    /// Each piece passes after so long.
    Slow(Duration),
    /// Nothing passes, and nobody is told.
    Silent,
    /// There are no connections, and new ones are reset.
    Down,
}

/// A link to one server. Dropping it resets its connections.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    state: watch::Sender<State>,
    acceptor: JoinHandle<()>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    condition: Condition,
    /// How often all connections were cut: a look at the condition alone would miss a cut that is already over.
    cuts: u64,
}

impl Link {
    /// A link to a server, which need not be there yet.
    ///
    /// # Panics
    ///
    /// When there is no port left.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (state, watched) = watch::channel(State {
            condition: Condition::Open,
            cuts: 0,
        });
        let acceptor = tokio::spawn(accept(listener, server, watched));
        Self {
            address,
            state,
            acceptor,
        }
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes the link so from now on.
    pub fn set(&self, condition: Condition) {
        self.state.send_modify(|state| {
            state.condition = condition;
            state.cuts += u64::from(condition == Condition::Down);
        });
    }

    /// Resets all connections. New ones are made as before.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.acceptor.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, state: watch::Receiver<State>) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let state = state.clone();
        tokio::spawn(async move {
            let mut client = client;
            let cuts = state.borrow().cuts;
            let broken = state.clone();
            tokio::select! {
                () = cut(broken, cuts) => {}
                // Whoever spoke last finds out when it speaks again, as over any network.
                _ = carry(&mut client, server, state) => {}
            }
        });
    }
}

/// Ends when the connections that there were at that count are cut.
async fn cut(mut state: watch::Receiver<State>, cuts: u64) {
    // An error means that the link is gone, and its connections with it.
    let _ = state
        .wait_for(|state| state.cuts != cuts || state.condition == Condition::Down)
        .await;
}

async fn carry(client: &mut TcpStream, server: SocketAddr, state: watch::Receiver<State>) -> io::Result<()> {
    // Dropped with it, so that a cut resets instead of ending properly.
    client.set_zero_linger()?;
    client.set_nodelay(true)?;
    pass(&mut state.clone()).await?;
    let mut server = TcpStream::connect(server).await?;
    server.set_zero_linger()?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    tokio::try_join!(
        pump(from_client, to_server, state.clone()),
        pump(from_server, to_client, state)
    )?;
    Ok(())
}

/// Moves what one side says to the other, until it has said all.
async fn pump(
    from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut state: watch::Receiver<State>,
) -> io::Result<()> {
    loop {
        from.readable().await?;
        let Some(piece) = read(&from)? else {
            continue;
        };
        pass(&mut state).await?;
        if piece.is_empty() {
            return to.shutdown().await;
        }
        to.write_all(&piece).await?;
    }
}

/// What has arrived, empty at the end. The buffer lives only here: thousands of idle connections are to cost nothing.
fn read(from: &ReadHalf<'_>) -> io::Result<Option<Vec<u8>>> {
    let mut buffer = [0; PIECE];
    match from.try_read(&mut buffer) {
        Ok(bytes) => Ok(Some(buffer[..bytes].to_vec())),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// Waits until something may pass.
async fn pass(state: &mut watch::Receiver<State>) -> io::Result<()> {
    let gone = |_| io::Error::from(io::ErrorKind::NotConnected);
    let condition = state.wait_for(|state| state.condition != Condition::Silent).await;
    let condition = condition.map_err(gone)?.condition;
    if let Condition::Slow(delay) = condition {
        tokio::time::sleep(delay).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::time::timeout;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    /// Too short for something to happen by chance, and no longer than it has to be.
    const MOMENT: Duration = Duration::from_millis(100);

    /// A link, a client at one end of it and the server at the other.
    async fn connected() -> (Link, TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let link = Link::to(listener.local_addr().unwrap()).await;
        let client = TcpStream::connect(link.address()).await.unwrap();
        let (server, _) = timeout(LIMIT, listener.accept()).await.unwrap().unwrap();
        (link, client, server)
    }

    async fn hears(socket: &mut TcpStream) -> io::Result<u8> {
        timeout(LIMIT, socket.read_u8()).await.unwrap()
    }

    #[tokio::test]
    async fn a_silent_link_loses_nothing_and_moves_nothing() {
        let (link, mut client, mut server) = connected().await;
        client.write_u8(1).await.unwrap();
        assert_eq!(hears(&mut server).await.unwrap(), 1);
        link.set(Condition::Silent);
        client.write_u8(2).await.unwrap();
        server.write_u8(3).await.unwrap();
        assert!(timeout(MOMENT, server.read_u8()).await.is_err());
        assert!(timeout(MOMENT, client.read_u8()).await.is_err());
        link.set(Condition::Slow(Duration::from_millis(1)));
        assert_eq!(hears(&mut server).await.unwrap(), 2);
        assert_eq!(hears(&mut client).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_cut_resets_both_ends_and_a_link_that_is_down_whoever_comes() {
        let (link, mut client, mut server) = connected().await;
        link.cut();
        assert!(hears(&mut client).await.is_err());
        assert!(hears(&mut server).await.is_err());
        link.set(Condition::Down);
        let mut client = TcpStream::connect(link.address()).await.unwrap();
        assert!(hears(&mut client).await.is_err());
    }

    #[tokio::test]
    async fn a_proper_end_passes() {
        let (_link, client, mut server) = connected().await;
        drop(client);
        assert_eq!(
            hears(&mut server).await.unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
    }
}
