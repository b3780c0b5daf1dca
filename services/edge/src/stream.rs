//! One client's stream: a position and a place in the registry, polled by the server as the body of a response.
//!
//! Nothing waits for a stream in a queue. When it is polled it leaves its waker, then looks for the one next block after
//! its position: in the window, or, below it, in the log. Live delivery, catching up after a reconnect and a slow reader
//! are the same. Polled only when the socket takes more, it is never ahead of its client by more than the socket's
//! buffers.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http_body::{Body, Frame};

use crate::backlog::{self, Chapter};
use crate::edge::Shared;
use crate::frame::{self, Gap, Reason};
use crate::registry::Seat;
use crate::window::{Position, Step};

/// A client's stream.
pub(crate) struct Stream {
    shared: Arc<Shared>,
    seat: Seat,
    position: Position,
    /// The first bytes, until they are written.
    opening: Option<Bytes>,
    backlog: Backlog,
    ended: bool,
}

/// What a stream below the window has from the log.
enum Backlog {
    /// Nothing: it is inside, or has not asked yet.
    None,
    /// The answer is on its way.
    Reading(BoxFuture<'static, Chapter>),
    /// Blocks to write, and where it stands after them.
    Blocks {
        blocks: VecDeque<(u64, Bytes)>,
        complete_to: u64,
    },
}

/// What the window has for the stream.
enum Look {
    Block(Bytes),
    Nothing,
    Below { floor: u64 },
}

impl Stream {
    pub(crate) fn new(shared: Arc<Shared>, seat: Seat, position: Position, opening: Bytes) -> Self {
        Self {
            shared,
            seat,
            position,
            opening: Some(opening),
            backlog: Backlog::None,
            ended: false,
        }
    }

    /// The next block. Pending means that the waker was left where news, a heartbeat or the end will find it.
    fn poll_block(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let signals = self.seat.wait(context.waker());
        if let Some(opening) = self.opening.take() {
            return Poll::Ready(Some(opening));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        if signals.closing {
            self.ended = true;
            return Poll::Ready(Some(self.farewell()));
        }
        match self.poll_news(context) {
            Poll::Ready(block) => Poll::Ready(Some(block)),
            // Everything up to the position went down this connection, so its id may.
            Poll::Pending if signals.beat => Poll::Ready(Some(frame::heartbeat(
                self.shared.log.epoch(),
                self.position.sequence,
            ))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_news(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        loop {
            match &mut self.backlog {
                Backlog::Reading(reading) => match std::task::ready!(reading.poll_unpin(context)) {
                    Chapter::Blocks { blocks, complete_to } => {
                        self.backlog = Backlog::Blocks { blocks, complete_to };
                    }
                    Chapter::Expired { resume_from } => {
                        self.backlog = Backlog::None;
                        let resumed = Position {
                            sequence: resume_from,
                            ..self.position
                        };
                        return Poll::Ready(self.jump(Reason::Expired, resumed));
                    }
                },
                Backlog::Blocks { blocks, complete_to } => {
                    if let Some((sequence, block)) = blocks.pop_front() {
                        self.position.sequence = sequence;
                        return Poll::Ready(block);
                    }
                    self.position.sequence = *complete_to;
                    self.backlog = Backlog::None;
                }
                Backlog::None => match self.look() {
                    Look::Block(block) => return Poll::Ready(block),
                    Look::Nothing => return Poll::Pending,
                    Look::Below { floor } => self.ask_log(floor),
                },
            }
        }
    }

    fn look(&mut self) -> Look {
        let step = self.shared.window().next(self.seat.user(), self.position);
        match step {
            Step::Write(block, position) => {
                self.position = position;
                Look::Block(block)
            }
            Step::Wait(position) => {
                self.position = position;
                Look::Nothing
            }
            Step::Rewound(position) => Look::Block(self.jump(Reason::AheadOfLog, position)),
            Step::Below { floor } => Look::Below { floor },
        }
    }

    fn ask_log(&mut self, floor: u64) {
        let user = self.seat.user().clone();
        let reading = backlog::read(Arc::clone(&self.shared), user, self.position.sequence, floor);
        self.backlog = Backlog::Reading(reading.boxed());
    }

    /// Goes on from another place, and says so.
    fn jump(&mut self, reason: Reason, position: Position) -> Bytes {
        let epoch = self.shared.log.epoch();
        let requested = epoch.at(self.position.sequence).to_string();
        self.position = position;
        frame::gap(&Gap {
            reason,
            requested,
            resumed_from: epoch.at(position.sequence),
        })
    }

    /// When to come back, and from where.
    fn farewell(&self) -> Bytes {
        frame::opening(
            self.shared.retry(),
            self.shared.log.epoch(),
            self.position.sequence,
        )
    }
}

impl Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.poll_block(context)
            .map(|block| block.map(|block| Ok(Frame::data(block))))
    }
}
