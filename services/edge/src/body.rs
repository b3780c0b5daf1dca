//! A stream as the body of a response, for where the server keeps the socket: over HTTP/2, encrypted, or over HTTP/1.0.
//!
//! The server frames, buffers and flushes by itself. It asks for the next block whenever it has room for one, and cuts a
//! client off that takes nothing for too long.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http_body::Frame;

use crate::batch::Batch;
use crate::block::Block;
use crate::metrics::Ended;
use crate::stream::Stream;

/// A stream that the server polls whenever it has room.
pub(crate) struct Body {
    stream: Stream,
    /// The first block, until it is taken.
    opening: Option<Block>,
    /// Since when the server has a block and has not asked for another.
    given: Option<Instant>,
}

impl Body {
    pub(crate) fn new(stream: Stream, opening: Block) -> Self {
        Self {
            stream,
            opening: Some(opening),
            given: None,
        }
    }

    fn give(&mut self, block: &Block) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.given = Some(Instant::now());
        Poll::Ready(Some(Ok(Frame::data(block.text()))))
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let stall_timeout = self.stream.shared.settings.stall_timeout;
        if self.given.is_some_and(|since| since.elapsed() >= stall_timeout) {
            self.stream.ended(Ended::Stalled);
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.given = None;
        if let Some(opening) = self.opening.take() {
            return self.give(&opening);
        }
        let mut batch = Batch::single();
        ready!(self.stream.poll_fill(context, &mut batch));
        self.stream.advance(&batch, batch.len());
        match batch.blocks().next() {
            Some(block) => self.give(block),
            None => Poll::Ready(None),
        }
    }
}
