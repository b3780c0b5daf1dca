//! A stream on a socket of its own: a task that is its position and its waker, and nothing else.
//!
//! When it is woken it looks for what comes next, hands it to the socket in one system call, and sleeps again. If the
//! socket takes only a part, the block that was cut is kept (it is shared, like all blocks) and goes on where it was cut;
//! everything behind it is found again when there is room. The write is the whole cost of a delivery, so nothing is copied,
//! framed or counted here that could be shared.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use arrayvec::ArrayVec;
use bytes::{Bytes, BytesMut};
use service_kit::http::{Taken, UNANSWERED};
use service_kit::telemetry::chain;
use socket2::SockRef;
use tokio::net::TcpStream;

use crate::batch::{Batch, MOST_BLOCKS, Rest};
use crate::block::{Block, LAST_CHUNK};
use crate::edge::Shared;
use crate::metrics::Ended;
use crate::stream::Stream;

/// Bytes that a client may send behind its request. They are read, to notice that it closes, and mean nothing.
const MOST_READ: usize = 64 * 1024;

/// Bytes of them that are read at once.
const READ_AT_ONCE: usize = 512;

/// A client's stream and its socket.
pub(crate) struct SocketStream {
    stream: Stream,
    socket: TcpStream,
    /// What goes before anything else: the head of the answer, or the rest of a block that was cut.
    first: Bytes,
    /// Since when the socket takes nothing.
    full_since: Option<Instant>,
    read: usize,
}

/// How a stream on a socket ended.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("all is said")]
    Over,
    #[error("the client closed")]
    Closed,
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    #[error("the client sent more than {MOST_READ} bytes")]
    Talkative,
    #[error("the client has not read for too long")]
    Stalled,
    #[error("the client does not listen, and the process ends")]
    Abandoned,
}

impl End {
    /// What it counts as. A stream that is over knows by itself why.
    fn counted(&self) -> Option<Ended> {
        match self {
            Self::Over => None,
            Self::Closed => Some(Ended::Client),
            // The kernel has the same patience with a client that takes nothing, and may be the first to lose it.
            Self::Broken(error) if error.kind() == io::ErrorKind::TimedOut => Some(Ended::Stalled),
            Self::Broken(_) => Some(Ended::Broken),
            Self::Talkative => Some(Ended::Talkative),
            Self::Stalled => Some(Ended::Stalled),
            Self::Abandoned => Some(Ended::Abandoned),
        }
    }
}

impl SocketStream {
    /// The stream on the socket of the answer.
    pub(crate) fn new(taken: Taken, stream: Stream, opening: &Block) -> Self {
        let Taken { socket, head, read } = taken;
        if let Err(error) = prepare(&socket, &stream.shared) {
            // Reading or writing will say so again, if it matters.
            tracing::debug!(%error, "a client's socket cannot be set up");
        }
        let mut first = BytesMut::with_capacity(head.len() + opening.chunk().len());
        first.extend_from_slice(&head);
        first.extend_from_slice(opening.chunk());
        Self {
            stream,
            socket,
            first: first.freeze(),
            full_since: None,
            read: read.len(),
        }
    }

    /// One turn: at most one write that is taken.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<End> {
        if let Poll::Ready(end) = self.poll_client(context) {
            return Poll::Ready(end);
        }
        loop {
            if let Some(since) = self.full_since
                && let Some(waiting) = self.poll_room(since, context)
            {
                return waiting;
            }
            let mut batch = Batch::new();
            let filled = self.stream.poll_fill(context, &mut batch);
            if batch.rest() == Rest::End {
                batch = self.end_with(&batch);
            }
            if batch.is_empty() && self.first.is_empty() {
                return filled.map(|()| End::Over);
            }
            match self.write(&batch) {
                Ok(Written::All) if self.stream.is_over() => return Poll::Ready(End::Over),
                Ok(Written::All) if filled.is_pending() || matches!(batch.rest(), Rest::Nothing(_)) => {
                    return Poll::Pending;
                }
                // There is more, or the rest of this. First it is somebody else's turn.
                Ok(Written::All | Written::Part) => {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.full_since.get_or_insert_with(Instant::now);
                }
                Err(error) => return Poll::Ready(End::Broken(error)),
            }
        }
    }

    /// Notices that the client is gone; nobody else would until there is something to write.
    fn poll_client(&mut self, context: &mut Context<'_>) -> Poll<End> {
        while self.read <= MOST_READ {
            if let Err(error) = ready!(self.socket.poll_read_ready(context)) {
                return Poll::Ready(End::Broken(error));
            }
            match self.socket.try_read(&mut [0; READ_AT_ONCE]) {
                Ok(0) => return Poll::Ready(End::Closed),
                Ok(bytes) => self.read += bytes,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(End::Broken(error)),
            }
        }
        Poll::Ready(End::Talkative)
    }

    /// Nothing when there is room again. Otherwise waits for it, or ends a stream that has waited for too long, which is
    /// looked at when a heartbeat is due.
    fn poll_room(&mut self, since: Instant, context: &mut Context<'_>) -> Option<Poll<End>> {
        let signals = self.stream.wait_for_room(context);
        if signals.abandoned {
            return Some(Poll::Ready(End::Abandoned));
        }
        match self.socket.poll_write_ready(context) {
            Poll::Ready(Ok(())) => None,
            Poll::Ready(Err(error)) => Some(Poll::Ready(End::Broken(error))),
            Poll::Pending if signals.beat => {
                self.stream.forget_passage();
                let stalled = since.elapsed() >= self.stream.shared.settings.stall_timeout;
                Some(if stalled {
                    Poll::Ready(End::Stalled)
                } else {
                    Poll::Pending
                })
            }
            Poll::Pending => Some(Poll::Pending),
        }
    }

    /// Makes the last words and the end of the chunked body one piece with what is still to go before them.
    fn end_with(&mut self, last: &Batch) -> Batch {
        let mut first = BytesMut::from(&self.first[..]);
        last.blocks()
            .for_each(|block| first.extend_from_slice(block.chunk()));
        first.extend_from_slice(LAST_CHUNK);
        self.first = first.freeze();
        self.stream.advance(last, last.len());
        Batch::new()
    }

    /// Hands what goes first and the batch to the socket, once.
    fn write(&mut self, batch: &Batch) -> io::Result<Written> {
        let mut slices = ArrayVec::<_, { MOST_BLOCKS + 1 }>::new_const();
        let first = Some(&self.first).filter(|first| !first.is_empty());
        let pieces = first.into_iter().chain(batch.blocks().map(Block::chunk));
        slices.extend(pieces.map(|piece| IoSlice::new(piece)));
        let taken = self.socket.try_write_vectored(&slices)?;
        drop(slices);
        if taken == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let blocks = cut(&mut self.first, batch.blocks(), taken);
        self.stream.advance(batch, blocks);
        if self.first.is_empty() && blocks == batch.len() {
            self.full_since = None;
            Ok(Written::All)
        } else {
            self.full_since = Some(Instant::now());
            Ok(Written::Part)
        }
    }

    fn close(&mut self, end: &End) {
        if let Some(how) = end.counted() {
            self.stream.ended(how);
        }
        let closed = match end {
            End::Over => SockRef::from(&self.socket).shutdown(Shutdown::Write),
            // What the kernel still holds would wait for a client that does not read.
            End::Stalled => self.socket.set_zero_linger(),
            End::Closed | End::Broken(_) | End::Talkative | End::Abandoned => Ok(()),
        };
        tracing::debug!(cause = %chain(end), closed = closed.is_ok(), "a stream ended");
    }
}

impl Future for SocketStream {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let end = ready!(self.poll_end(context));
        self.close(&end);
        Poll::Ready(())
    }
}

/// How much of what was to be written is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    All,
    Part,
}

/// Moves over so many bytes of `first` and of the blocks behind it. A block that they end in goes first from then on.
/// Returns how many blocks that is, with the one that was cut.
fn cut<'a>(first: &mut Bytes, blocks: impl Iterator<Item = &'a Block>, mut taken: usize) -> usize {
    if taken < first.len() {
        *first = first.slice(taken..);
        return 0;
    }
    taken -= first.len();
    *first = Bytes::new();
    let mut count = 0;
    for chunk in blocks.map(Block::chunk) {
        if taken == 0 {
            return count;
        }
        count += 1;
        if taken < chunk.len() {
            *first = chunk.slice(taken..);
            return count;
        }
        taken -= chunk.len();
    }
    count
}

#[cfg(target_os = "linux")]
fn prepare(socket: &TcpStream, shared: &Shared) -> io::Result<()> {
    // A client whose network is gone says nothing any more.
    let patience = shared.settings.stall_timeout;
    if patience == UNANSWERED {
        return Ok(());
    }
    SockRef::from(socket).set_tcp_user_timeout(Some(patience))
}

#[cfg(not(target_os = "linux"))]
fn prepare(_socket: &TcpStream, _shared: &Shared) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Part of a task. Tokio adds about 100 bytes and rounds up to a multiple of 128; the socket's registration with it
    /// takes 256 more.
    #[test]
    fn a_stream_on_a_socket_is_small() {
        let bytes = size_of::<SocketStream>();
        println!("a stream on a socket: {bytes} bytes");
        assert!(bytes <= 216, "{bytes}");
    }

    proptest! {
        /// Wherever writes are cut, also in the middle of what was cut before: all bytes are written, once and in order.
        #[test]
        fn a_write_that_is_cut_goes_on_where_it_was_cut(
            texts in prop::collection::vec("[a-z\\n]{0,20}", 0..10),
            head in "[a-z]{0,20}",
            sizes in prop::collection::vec(1..40_usize, 1..20),
        ) {
            let blocks: Vec<Block> = texts.iter().map(|text| Block::from(text.as_str())).collect();
            let mut expected = head.clone().into_bytes();
            blocks.iter().for_each(|block| expected.extend_from_slice(block.chunk()));
            let (mut first, mut done, mut written) = (Bytes::from(head), 0, Vec::new());
            for size in sizes.iter().cycle() {
                let mut piece = first.to_vec();
                blocks[done..].iter().for_each(|block| piece.extend_from_slice(block.chunk()));
                if piece.is_empty() {
                    break;
                }
                piece.truncate(*size);
                written.extend_from_slice(&piece);
                done += cut(&mut first, blocks[done..].iter(), piece.len());
            }
            prop_assert_eq!(written, expected);
        }
    }
}
