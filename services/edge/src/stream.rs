//! One client's stream: a position and a place in the registry.
//!
//! Nothing waits for a stream in a queue. In its turn it leaves its waker, then looks for what comes after its position: in
//! the window, or, below it, in the log. Live delivery, catching up after a reconnect and a slow reader are the same. Its
//! position moves only over what was written, and what was found but not written is forgotten; so a stream is never
//! ahead of its client by more than the socket's buffers, and costs the same however much there is to write.
//!
//! Who writes is another matter: [`Body`](crate::body::Body) through a server, [`SocketStream`](crate::socket::SocketStream)
//! over a socket of its own.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use proto_schemas::Cursor;

use crate::backlog::{self, Chapter, Passage};
use crate::batch::{Batch, Content, Found, Rest};
use crate::block::Block;
use crate::edge::Shared;
use crate::frame::{self, Gap, Heartbeat, Reason};
use crate::metrics::{Account, Ended, Origin, Pace, Resumed};
use crate::registry::{Seat, Signals, Sleep};
use crate::window::Position;

/// A client's stream.
pub(crate) struct Stream {
    pub(crate) shared: Arc<Shared>,
    seat: Seat,
    position: Position,
    backlog: Backlog,
    pub(crate) heartbeat: Heartbeat,
    /// What was to be written last begins with the word that the token ends.
    tells_of_end: bool,
    /// Its last block was written.
    over: bool,
    pace: Pace,
    account: Account,
}

/// What a stream below the window has from the log. Rare, and kept elsewhere: most streams never need the room.
enum Backlog {
    /// Nothing: it is inside, or has not asked yet.
    None,
    /// The answer is on its way.
    Reading(BoxFuture<'static, Chapter>),
    /// What is left of the answer, with at least one block.
    Read(Box<Passage>),
}

impl Stream {
    pub(crate) fn new(shared: Arc<Shared>, seat: Seat, position: Position, account: Account) -> Self {
        Self {
            shared,
            seat,
            position,
            backlog: Backlog::None,
            heartbeat: Heartbeat::Comment,
            tells_of_end: false,
            over: false,
            pace: Pace::Behind,
            account,
        }
    }

    /// Fills an empty batch with what is to be written next; it stays empty when the stream is over. Pending means that the
    /// waker was left where news, a heartbeat or the end will find it.
    pub(crate) fn poll_fill(&mut self, context: &mut Context<'_>, batch: &mut Batch) -> Poll<()> {
        let signals = self.seat.wait(context.waker(), Sleep::UntilNews);
        self.tells_of_end = false;
        if self.over {
            return Poll::Ready(());
        }
        if signals.closing || signals.expired {
            self.account.ended = if signals.expired {
                Ended::Expired
            } else {
                Ended::Drained
            };
            batch.push(self.farewell(), self.position);
            batch.then(Rest::End);
            return Poll::Ready(());
        }
        if let Some(expires_at) = signals.reauth {
            let reauth = frame::reauth(self.shared.log.epoch(), self.position.sequence, expires_at);
            batch.push(reauth, self.position);
            self.tells_of_end = true;
            return Poll::Ready(());
        }
        let news = self.poll_news(context, batch);
        if news.is_pending() && signals.beat {
            // Everything up to the position was written, so its id may be.
            let heartbeat = frame::heartbeat(self.heartbeat, self.shared.log.epoch(), self.position.sequence);
            batch.push(heartbeat, self.position);
            batch.then(Rest::Nothing(self.position));
            return Poll::Ready(());
        }
        news
    }

    /// Moves over the first `count` blocks of the batch: they are written, or will be before anything else is.
    pub(crate) fn advance(&mut self, batch: &Batch, count: usize) {
        let Some(position) = batch.position_after(count) else {
            return;
        };
        self.position = position;
        match batch.content() {
            Content::Words => {}
            Content::Gap(reason) => self.shared.metrics.gap(reason),
            Content::Events(origin) => self.shared.metrics.delivered(count, origin, self.pace),
        }
        // Not by a heartbeat that goes out while the log is read: what comes next was missed.
        if count == batch.len() && matches!(batch.rest(), Rest::Nothing(_)) && !self.is_reading() {
            self.pace = Pace::Live;
        }
        if self.tells_of_end {
            self.seat.told_of_end();
            self.tells_of_end = false;
        }
        self.over = count == batch.len() && batch.rest() == Rest::End;
        if let Backlog::Read(passage) = &mut self.backlog {
            while passage
                .blocks
                .front()
                .is_some_and(|(sequence, _)| *sequence <= position.sequence)
            {
                passage.blocks.pop_front();
            }
            if passage.blocks.is_empty() {
                self.position.sequence = passage.complete_to;
                self.backlog = Backlog::None;
            }
        }
    }

    /// Whether its last block was written.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Leaves the waker for everything but news, for which there is no room now.
    pub(crate) fn wait_for_room(&mut self, context: &Context<'_>) -> Signals {
        self.pace = Pace::Behind;
        self.seat.wait(context.waker(), Sleep::UntilRoom)
    }

    /// Where it stands: its client has everything up to there.
    pub(crate) fn cursor(&self) -> Cursor {
        self.shared.log.epoch().at(self.position.sequence)
    }

    /// Whether it waits for an answer of the log.
    pub(crate) fn is_reading(&self) -> bool {
        matches!(self.backlog, Backlog::Reading(_))
    }

    /// Says how it ended, if not with a client that closed it.
    pub(crate) fn ended(&mut self, how: Ended) {
        self.account.ended = how;
    }

    /// Lets go of what was read from the log and not written: it would be kept for a client that does not take it.
    pub(crate) fn forget_passage(&mut self) {
        if let Backlog::Read(_) = self.backlog {
            self.backlog = Backlog::None;
        }
    }

    fn poll_news(&mut self, context: &mut Context<'_>, batch: &mut Batch) -> Poll<()> {
        loop {
            match &mut self.backlog {
                Backlog::Reading(reading) => {
                    let chapter = ready!(reading.poll_unpin(context));
                    self.backlog = Backlog::None;
                    match chapter {
                        Chapter::Shortened => {}
                        // Of the log as it was before, or as it is now: that cannot be told.
                        Chapter::Passage(_) if self.learn_of_losses() => {}
                        Chapter::Passage(passage) => {
                            self.began(Resumed::Log);
                            if passage.blocks.is_empty() {
                                self.position.sequence = passage.complete_to;
                            } else {
                                self.backlog = Backlog::Read(passage);
                            }
                        }
                        Chapter::Expired { resume_from } => {
                            self.began(Resumed::Gap(Reason::Expired));
                            let resumed = Position {
                                sequence: resume_from,
                                ..self.position
                            };
                            batch.holds(Content::Gap(Reason::Expired));
                            batch.push(self.gap(Reason::Expired, resumed), resumed);
                            return Poll::Ready(());
                        }
                    }
                }
                Backlog::Read(passage) => {
                    batch.holds(Content::Events(Origin::Log));
                    let mut blocks = passage.blocks.iter();
                    while !batch.is_full()
                        && let Some((sequence, block)) = blocks.next()
                    {
                        let position = Position {
                            sequence: *sequence,
                            ..self.position
                        };
                        batch.push(block.clone(), position);
                    }
                    return Poll::Ready(());
                }
                Backlog::None => {
                    let found = batch.fill(&self.shared.window(), self.seat.user(), self.position);
                    match found {
                        Found::Blocks => {
                            self.began(Resumed::Window);
                            return Poll::Ready(());
                        }
                        Found::Nothing(position) => {
                            self.began(Resumed::Window);
                            self.position = position;
                            self.pace = Pace::Live;
                            return Poll::Pending;
                        }
                        Found::Below { floor } => self.ask_log(floor),
                        Found::Rewound(position) => {
                            self.began(Resumed::Gap(Reason::AheadOfLog));
                            batch.holds(Content::Gap(Reason::AheadOfLog));
                            batch.push(self.gap(Reason::AheadOfLog, position), position);
                            return Poll::Ready(());
                        }
                    }
                }
            }
        }
    }

    /// It is found out where it goes on from.
    fn began(&mut self, resumed: Resumed) {
        self.shared.metrics.began(&mut self.account, resumed);
    }

    /// Whether the log lost messages since this looked at the window last. If it lost some that were written, the window will
    /// say so.
    fn learn_of_losses(&mut self) -> bool {
        let window = self.shared.window();
        let outdated = window.head().rewinds != self.position.rewinds;
        self.position = window.informed(self.position);
        outdated
    }

    fn ask_log(&mut self, floor: u64) {
        self.pace = Pace::Behind;
        let user = self.seat.user().clone();
        let reading = backlog::read(Arc::clone(&self.shared), user, self.position.sequence, floor);
        self.backlog = Backlog::Reading(reading.boxed());
    }

    /// That the stream goes on from another place.
    fn gap(&self, reason: Reason, resumed: Position) -> Block {
        let epoch = self.shared.log.epoch();
        frame::gap(&Gap {
            reason,
            requested: epoch.at(self.position.sequence).to_string(),
            resumed_from: epoch.at(resumed.sequence),
        })
    }

    /// When to come back, and from where.
    fn farewell(&self) -> Block {
        frame::opening(
            self.shared.retry(),
            self.shared.log.epoch(),
            self.position.sequence,
        )
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.shared.metrics.ended(&mut self.account);
    }
}
