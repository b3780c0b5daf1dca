//! Where events are published: one connection to a server, over which they go one behind the other.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context as _, bail};

use super::event::Recipient;
use super::lines::Lines;

const READ_AT_ONCE: usize = 64 * 1024;

/// How a server is spoken to.
pub trait Protocol {
    /// Adds what publishes an event.
    fn publish(&mut self, to: Recipient, payload: &[u8], out: &mut Vec<u8>);

    /// What a line of the server means.
    fn answer(&mut self, line: &[u8]) -> Answer;
}

/// What the server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It has taken one more event.
    Taken,
    /// It wants to hear this.
    Reply(&'static [u8]),
    /// It has not done what it was asked for.
    Refused,
    /// Nothing that matters.
    Nothing,
}

/// A connection for publishing. It never waits: what the socket does not take is kept.
pub struct Outlet {
    pub(super) socket: TcpStream,
    protocol: Box<dyn Protocol>,
    lines: Lines,
    out: Vec<u8>,
    buffer: Vec<u8>,
    in_flight: usize,
}

impl Outlet {
    /// Publishes over this connection.
    pub fn new(socket: TcpStream, protocol: impl Protocol + 'static) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            protocol: Box::new(protocol),
            lines: Lines::default(),
            out: Vec::new(),
            buffer: vec![0; READ_AT_ONCE],
            in_flight: 0,
        })
    }

    /// Events that the server has not answered yet.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// To be followed by a flush.
    pub(super) fn publish(&mut self, to: Recipient, payload: &[u8]) {
        self.protocol.publish(to, payload, &mut self.out);
        self.in_flight += 1;
    }

    /// Writes as much as the socket takes.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        let mut written = 0;
        while written < self.out.len() {
            match self.socket.write(&self.out[written..]) {
                Ok(bytes) => written += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).context("publishing"),
            }
        }
        self.out.drain(..written);
        Ok(())
    }

    /// Reads what the server has answered, and writes what it had no room for.
    pub(super) fn turn(&mut self) -> anyhow::Result<()> {
        loop {
            let bytes = match self.socket.read(&mut self.buffer) {
                Ok(0) => bail!("the server ended the connection for publishing"),
                Ok(bytes) => bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return self.flush(),
                Err(error) => return Err(error).context("reading answers to what was published"),
            };
            self.hear(bytes)?;
        }
    }

    fn hear(&mut self, bytes: usize) -> anyhow::Result<()> {
        let Self {
            protocol,
            in_flight,
            out,
            buffer,
            ..
        } = self;
        let mut refusal = None;
        self.lines
            .feed(&buffer[..bytes], |line| match protocol.answer(line) {
                Answer::Taken => *in_flight = in_flight.saturating_sub(1),
                Answer::Reply(reply) => out.extend_from_slice(reply),
                Answer::Refused => refusal = Some(String::from_utf8_lossy(line).into_owned()),
                Answer::Nothing => {}
            });
        refusal.map_or(Ok(()), |refusal| bail!("the server refused an event: {refusal}"))
    }
}
