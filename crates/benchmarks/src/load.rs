//! The clients, all in one thread: it waits for whichever has something to read, reads it once and counts it.
//!
//! They share a core, so what each costs decides how fast a server can seem. The same thread publishes, by the same clock,
//! over a connection that is one more among the others.

mod client;
pub mod door;
pub mod event;
mod lines;
pub mod outlet;
pub mod tally;
mod ticks;

use std::io::{self, ErrorKind, Read as _};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rustix::event::epoll::{self, EventData, EventFlags};
use socket2::SockRef;

use client::Client;
use door::Door;
use event::{Draft, Event, Recipient};
use outlet::Outlet;
use tally::Tally;
use ticks::Ticks;

/// How long anything may take that has to happen.
const LIMIT: Duration = Duration::from_secs(60);

/// What has not come after so long in which nothing came is lost.
const QUIET: Duration = Duration::from_secs(10);

/// How often the clock ticks when nobody has asked for other ticks: so long at most is waited for one of the clients before
/// time is looked at.
const TURN: Duration = Duration::from_millis(10);

/// Clients that wait for the first byte of their answers at once. More would not fit into a server's listen queue, and
/// who does not fit comes again a second later, whatever the server does.
const OPENING_AT_ONCE: usize = 512;

const READ_AT_ONCE: usize = 256 * 1024;
const EVENTS_AT_ONCE: usize = 1_024;

/// What is no client but is waited for, too.
const OUTLET: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;

/// All clients, and one who publishes.
pub struct Load {
    epoll: OwnedFd,
    timer: Ticks,
    ready: Vec<epoll::Event>,
    buffer: Vec<u8>,
    clients: Vec<Client>,
    outlet: Option<Outlet>,
    draft: Draft,
    /// The numbers of the next events.
    next_own: Vec<u32>,
    next_everybodys: u32,
    opening: usize,
    ticks: u64,
    began: Instant,
    /// What was heard so far.
    pub tally: Tally,
}

impl Load {
    /// Clients without connections, for events of so many bytes.
    pub fn new(clients: usize, event_bytes: usize) -> anyhow::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let timer = Ticks::new()?;
        timer.set(TURN)?;
        epoll::add(&epoll, &timer, EventData::new_u64(TIMER), EventFlags::IN)?;
        Ok(Self {
            epoll,
            timer,
            ready: Vec::with_capacity(EVENTS_AT_ONCE),
            buffer: vec![0; READ_AT_ONCE],
            clients: (0..clients).map(|_| Client::default()).collect(),
            outlet: None,
            draft: Draft::new(event_bytes),
            next_own: vec![0; clients],
            next_everybodys: 0,
            opening: 0,
            ticks: 0,
            began: Instant::now(),
            tally: Tally::default(),
        })
    }

    /// Publishes over this connection from now on.
    pub fn publish_over(&mut self, outlet: Outlet) -> anyhow::Result<()> {
        let token = EventData::new_u64(OUTLET);
        epoll::add(
            &self.epoll,
            &outlet.socket,
            token,
            EventFlags::IN | EventFlags::OUT | EventFlags::ET,
        )?;
        self.outlet = Some(outlet);
        Ok(())
    }

    /// Connects these clients, each where it left off, and returns when all their streams have begun.
    pub fn connect(&mut self, clients: Range<usize>, door: &Door) -> anyhow::Result<()> {
        for client in clients.clone() {
            while self.opening >= OPENING_AT_ONCE {
                self.turn()?;
            }
            self.dial(client, door)
                .with_context(|| format!("connecting to {}", door.address))?;
        }
        self.until("all streams have begun", |load| load.opening == 0)?;
        let open = self.clients[clients.clone()]
            .iter()
            .filter(|client| client.is_open())
            .count();
        ensure!(
            open == clients.len(),
            "only {open} of {} streams have begun",
            clients.len()
        );
        Ok(())
    }

    fn dial(&mut self, index: usize, door: &Door) -> anyhow::Result<()> {
        let client = &mut self.clients[index];
        let socket = door.connect(index, client.last_id())?;
        epoll::add(
            &self.epoll,
            &socket,
            EventData::new_u64(index as u64),
            EventFlags::IN,
        )?;
        client.connected(socket);
        self.opening += 1;
        Ok(())
    }

    /// Cuts these clients off, from their side.
    pub fn cut(&mut self, clients: Range<usize>) -> io::Result<()> {
        for client in &mut self.clients[clients] {
            if let Some(socket) = client.socket.take() {
                // Without a word, or the port would be taken for another minute.
                SockRef::from(&socket).set_linger(Some(Duration::ZERO))?;
            }
        }
        Ok(())
    }

    /// These clients stop reading.
    pub fn stall(&mut self, clients: Range<usize>) -> io::Result<()> {
        self.listen_for(clients, EventFlags::empty())
    }

    /// These clients read again, and the kernel may keep so much for each.
    pub fn resume(&mut self, clients: Range<usize>, receive_buffer: usize) -> io::Result<()> {
        for client in &self.clients[clients.clone()] {
            if let Some(socket) = &client.socket {
                SockRef::from(socket).set_recv_buffer_size(receive_buffer)?;
            }
        }
        self.listen_for(clients, EventFlags::IN)
    }

    fn listen_for(&mut self, clients: Range<usize>, flags: EventFlags) -> io::Result<()> {
        for index in clients {
            if let Some(socket) = &self.clients[index].socket {
                epoll::modify(&self.epoll, socket, EventData::new_u64(index as u64), flags)?;
            }
        }
        Ok(())
    }

    /// Publishes the next event for somebody, without waiting.
    pub fn publish(&mut self, to: Recipient) -> anyhow::Result<()> {
        let next = match to {
            Recipient::Everybody => &mut self.next_everybodys,
            Recipient::Client(client) => &mut self.next_own[client],
        };
        let number = *next;
        *next += 1;
        let sent = self.began.elapsed();
        let outlet = self.outlet.as_mut().context("there is nothing to publish over")?;
        outlet.publish(to, self.draft.write(&Event { to, number, sent }));
        Ok(())
    }

    /// Sends what was published.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        self.outlet.as_mut().map_or(Ok(()), Outlet::flush)
    }

    /// Events that were published and that the server has not answered yet.
    pub fn in_flight(&self) -> usize {
        self.outlet.as_ref().map_or(0, Outlet::in_flight)
    }

    /// Counts ticks of this length from now on, or those of the usual one.
    pub fn tick(&mut self, every: Option<Duration>) -> io::Result<()> {
        self.ticks = 0;
        self.timer.set(every.unwrap_or(TURN))
    }

    /// Ticks since they were counted last.
    pub fn ticks(&mut self) -> u64 {
        std::mem::take(&mut self.ticks)
    }

    /// Goes on until something holds.
    pub fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + LIMIT;
        while !holds(self) {
            ensure!(
                Instant::now() < deadline,
                "not within {LIMIT:?}: {what}; {:?}",
                self.tally
            );
            self.turn()?;
        }
        Ok(())
    }

    /// Goes on until so many events have been delivered in all; false when nothing comes any more before that.
    pub fn until_delivered(&mut self, delivered: u64) -> anyhow::Result<bool> {
        let (mut so_far, mut since) = (self.tally.delivered, Instant::now());
        while self.tally.delivered < delivered {
            self.turn()?;
            if self.tally.delivered > so_far {
                (so_far, since) = (self.tally.delivered, Instant::now());
            } else if since.elapsed() > QUIET {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Events for these clients alone that were published and have not come.
    pub fn missing_own(&self, clients: Range<usize>) -> u64 {
        let sent = self.next_own[clients.clone()].iter();
        let heard = self.clients[clients].iter().map(|client| client.heard().own);
        sent.zip(heard)
            .map(|(sent, heard)| u64::from(sent.saturating_sub(heard)))
            .sum()
    }

    /// Events for everybody that were published and have not come to these clients.
    pub fn missing_everybodys(&self, clients: Range<usize>) -> u64 {
        let heard = self.clients[clients]
            .iter()
            .map(|client| client.heard().everybodys);
        heard
            .map(|heard| u64::from(self.next_everybodys.saturating_sub(heard)))
            .sum()
    }

    /// Waits for a moment at most, and reads what is there.
    pub fn turn(&mut self) -> anyhow::Result<()> {
        self.ready.clear();
        let ready = rustix::buffer::spare_capacity(&mut self.ready);
        match epoll::wait(&self.epoll, ready, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("waiting for the clients"),
        }
        let ready = std::mem::take(&mut self.ready);
        for event in &ready {
            match event.data.u64() {
                OUTLET => self.outlet.as_mut().map_or(Ok(()), Outlet::turn)?,
                TIMER => self.ticks += self.timer.take()?,
                client => self.read(usize::try_from(client)?),
            }
        }
        self.ready = ready;
        Ok(())
    }

    fn read(&mut self, index: usize) {
        let client = &mut self.clients[index];
        let was_opening = client.is_opening();
        let Some(mut socket) = client.socket.as_ref() else {
            return;
        };
        match socket.read(&mut self.buffer) {
            Ok(bytes) if bytes > 0 => {
                let now = self.began.elapsed();
                client.take(index, &self.buffer[..bytes], now, &mut self.tally);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Ok(_) | Err(_) => {
                client.socket = None;
                self.tally.cut += 1;
            }
        }
        if was_opening && !client.is_opening() {
            self.opening -= 1;
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // What it is for is to leave no ports behind that are taken for a minute; if it fails, they are.
        let _ = self.cut(0..self.clients.len());
    }
}
