//! The floor: a server that does nothing but write the same bytes to everybody who has asked for anything.
//!
//! One thread, one epoll, one `send` for each client. It has no request to understand, no position to keep and nobody to
//! leave out; whoever does not take a whole block at once ends it, since it keeps nothing to go on with.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventData, EventFlags};
use tempfile::TempDir;

use super::Server;
use super::cores::Cores;
use crate::load::door::Door;
use crate::load::event::Recipient;
use crate::load::outlet::{Answer, Outlet, Protocol};

/// The command of the program that is this server.
pub const COMMAND: &str = "bare-writer";

const LISTEN_QUEUE: i32 = 4_096;
const CLIENTS: u64 = 0;
const PUBLISHER: u64 = 1;
const FIRST_CLIENT: u64 = 2;

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\n\
    transfer-encoding: chunked\r\nconnection: close\r\n\r\n6\r\n: hi\n\n\r\n";

/// A bare writer in a process of its own.
#[derive(Debug)]
pub struct BareWriter {
    /// Its process.
    pub server: Server,
    clients: SocketAddr,
    publisher: SocketAddr,
    _stdout: BufReader<ChildStdout>,
    _folder: TempDir,
}

impl BareWriter {
    /// Starts one on these cores.
    pub fn start(cores: Cores) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(COMMAND).stdout(Stdio::piped());
        let mut server = Server::start(command, cores, &folder.path().join("log"))?;
        let mut stdout = BufReader::new(server.child.stdout.take().context("its output is a pipe")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let (clients, publisher) = line
            .trim()
            .split_once(' ')
            .context("the bare writer has not started")?;
        Ok(Self {
            server,
            clients: clients.parse()?,
            publisher: publisher.parse()?,
            _stdout: stdout,
            _folder: folder,
        })
    }

    /// Its stream.
    pub fn door(&self, clients: usize) -> Door {
        Door {
            address: self.clients,
            requests: vec!["GET / HTTP/1.1\r\nhost: localhost\r\n".to_owned(); clients],
            receive_buffer: None,
        }
    }

    /// A connection over which blocks are sent that it writes to everybody.
    pub fn outlet(&self) -> anyhow::Result<Outlet> {
        Ok(Outlet::new(
            TcpStream::connect(self.publisher)?,
            Blocks::default(),
        )?)
    }
}

/// Sends finished blocks, the same that our edge makes of an event, each behind its length.
#[derive(Default)]
struct Blocks {
    number: u64,
}

impl Protocol for Blocks {
    fn publish(&mut self, _to: Recipient, payload: &[u8], out: &mut Vec<u8>) {
        self.number += 1;
        let id = format!("id: 00000000.{}\ndata: ", self.number);
        let text = id.len() + payload.len() + 2;
        let size = format!("{text:x}\r\n");
        let block = size.len() + text + 2;
        out.extend_from_slice(&u32::try_from(block).unwrap_or(u32::MAX).to_be_bytes());
        for piece in [size.as_bytes(), id.as_bytes(), payload, b"\n\n\r\n"] {
            out.extend_from_slice(piece);
        }
    }

    fn answer(&mut self, _line: &[u8]) -> Answer {
        Answer::Nothing
    }
}

/// Is the bare writer, until it is killed.
pub fn run() -> anyhow::Result<()> {
    let (clients, publishers) = (listen()?, listen()?);
    println!("{} {}", clients.local_addr()?, publishers.local_addr()?);
    let (mut publisher, _) = publishers.accept()?;
    publisher.set_nonblocking(true)?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    watch(&epoll, &clients, CLIENTS)?;
    watch(&epoll, &publisher, PUBLISHER)?;
    let mut streams: Vec<Option<TcpStream>> = Vec::new();
    let mut received = Vec::new();
    let mut ready = Vec::with_capacity(1_024);
    loop {
        ready.clear();
        epoll::wait(&epoll, spare_capacity(&mut ready), None)?;
        for event in &ready {
            match event.data.u64() {
                CLIENTS => accept(&epoll, &clients, &mut streams)?,
                PUBLISHER => {
                    read(&mut publisher, &mut received)?;
                    write_blocks(&mut received, &streams)?;
                }
                client => answer(&mut streams[usize::try_from(client - FIRST_CLIENT)?])?,
            }
        }
    }
}

fn listen() -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    socket2::SockRef::from(&listener).listen(LISTEN_QUEUE)?;
    Ok(listener)
}

fn watch(epoll: &OwnedFd, socket: impl AsFd, token: u64) -> std::io::Result<()> {
    Ok(epoll::add(
        epoll,
        socket,
        EventData::new_u64(token),
        EventFlags::IN,
    )?)
}

fn accept(
    epoll: &OwnedFd,
    clients: &TcpListener,
    streams: &mut Vec<Option<TcpStream>>,
) -> std::io::Result<()> {
    let (socket, _) = clients.accept()?;
    socket.set_nodelay(true)?;
    socket.set_nonblocking(true)?;
    watch(epoll, &socket, FIRST_CLIENT + streams.len() as u64)?;
    streams.push(Some(socket));
    Ok(())
}

/// Whatever a client says is its request, and is answered; when it closes it is forgotten.
fn answer(stream: &mut Option<TcpStream>) -> anyhow::Result<()> {
    let Some(socket) = stream else { return Ok(()) };
    match socket.read(&mut [0; 4_096]) {
        Ok(bytes) if bytes > 0 => Ok(socket.write_all(HEAD)?),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
        Ok(_) | Err(_) => {
            *stream = None;
            Ok(())
        }
    }
}

fn read(publisher: &mut TcpStream, received: &mut Vec<u8>) -> anyhow::Result<()> {
    let mut buffer = [0; 64 * 1024];
    match publisher.read(&mut buffer) {
        Ok(0) => bail!("nobody publishes any more"),
        Ok(bytes) => received.extend_from_slice(&buffer[..bytes]),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

fn write_blocks(received: &mut Vec<u8>, streams: &[Option<TcpStream>]) -> anyhow::Result<()> {
    while let Some((length, rest)) = received.split_first_chunk() {
        let length = usize::try_from(u32::from_be_bytes(*length))?;
        let Some(block) = rest.get(..length) else { break };
        for mut socket in streams.iter().flatten() {
            let written = socket
                .write(block)
                .context("a client does not keep up or is gone")?;
            ensure!(written == block.len(), "a client does not keep up");
        }
        received.drain(..size_of::<u32>() + length);
    }
    Ok(())
}
