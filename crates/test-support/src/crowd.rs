//! Thousands of well-behaved clients of the event stream in one process, each a task and two small buffers, and a record of
//! all that they are told.
//!
//! A client keeps the last id, and comes back with it whenever its connection ends, however that came about: after the
//! time that it was told, or, when nobody is there, ever later. What would end an `EventSource` for good is recorded as
//! such.

mod blocks;
mod client;
mod response;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::task::JoinHandle;

use crate::crowd::client::{Client, Standing};
use crate::history::{Entry, History, What};
use crate::random::Random;

/// Who somebody is, and where they connect.
#[derive(Debug, Clone)]
pub struct Member {
    /// What it connects to.
    pub address: SocketAddr,
    /// Such as `/v1/stream`.
    pub path: String,
    /// Sent as `Authorization: Bearer`.
    pub token: String,
    /// The subject of what is for this client alone.
    pub own: String,
}

/// The clients. Dropping them ends their connections.
#[derive(Debug)]
pub struct Crowd {
    clients: Vec<(JoinHandle<()>, Arc<Shared>)>,
}

/// What a client leaves to be seen while it runs.
#[derive(Debug)]
struct Shared {
    begun: Instant,
    history: Mutex<History>,
    /// Of the last position that it was told, plus one; 0 before the first.
    heard: AtomicU64,
}

impl Crowd {
    /// Starts a client for each member, on the log of that epoch. Times in their histories count from `begun`.
    pub fn start(members: Vec<Member>, epoch: &str, begun: Instant, random: &Random) -> Self {
        let epoch: Arc<str> = epoch.into();
        let start = |(number, member): (u64, Member)| {
            let shared = Arc::new(Shared {
                begun,
                history: Mutex::new(History {
                    own: member.own.clone(),
                    entries: Vec::new(),
                }),
                heard: AtomicU64::new(0),
            });
            let client = Client {
                member,
                epoch: Arc::clone(&epoch),
                shared: Arc::clone(&shared),
                random: random.branch(number),
                standing: Standing::default(),
            };
            (tokio::spawn(client.run()), shared)
        };
        Self {
            clients: (0..).zip(members).map(start).collect(),
        }
    }

    /// How many clients there are.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// How many of them stand at a position for which this holds: the sequence that they were told last, if any.
    pub fn standing(&self, holds: impl Fn(Option<u64>) -> bool) -> usize {
        let heard = |shared: &Shared| shared.heard.load(Ordering::Acquire).checked_sub(1);
        let clients = self.clients.iter();
        clients.filter(|(_, shared)| holds(heard(shared))).count()
    }

    /// Ends them, and says what they were told.
    pub async fn end(mut self) -> Vec<History> {
        let mut histories = Vec::with_capacity(self.clients.len());
        for (task, shared) in self.clients.drain(..) {
            task.abort();
            // Ended by the line before, unless it panicked.
            let ended = task.await;
            assert!(
                ended.is_err_and(|error| error.is_cancelled()),
                "a client panicked"
            );
            let mut history = shared.history();
            histories.push(History {
                own: history.own.clone(),
                entries: std::mem::take(&mut history.entries),
            });
        }
        histories
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.clients.iter().for_each(|(task, _)| task.abort());
    }
}

impl Shared {
    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, what: What) {
        let position = match &what {
            What::Position(sequence) | What::Event { sequence, .. } => Some(*sequence),
            What::Gap(gap) => Some(gap.resumed_from),
            What::Connects { .. } | What::Ends(_) | What::Nonsense(_) => None,
        };
        let mut history = self.history();
        let repeats =
            matches!(what, What::Position(_)) && history.entries.last().is_some_and(|last| last.what == what);
        if !repeats {
            history.entries.push(Entry {
                at: self.begun.elapsed(),
                what,
            });
        }
        drop(history);
        if let Some(position) = position {
            self.heard.store(position + 1, Ordering::Release);
        }
    }
}
