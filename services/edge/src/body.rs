//! A stream as the body of a response, for where the server keeps the socket: it frames, buffers and flushes by itself.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Frame;

use crate::batch::Batch;
use crate::block::Block;
use crate::stream::Stream;

/// A stream that the server polls whenever it has room.
pub(crate) struct Body {
    stream: Stream,
    /// The first block, until it is taken.
    opening: Option<Block>,
}

impl Body {
    pub(crate) fn new(stream: Stream, opening: Block) -> Self {
        Self {
            stream,
            opening: Some(opening),
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
        if let Some(opening) = self.opening.take() {
            return Poll::Ready(Some(Ok(Frame::data(opening.text()))));
        }
        let mut batch = Batch::single();
        ready!(self.stream.poll_fill(context, &mut batch));
        self.stream.advance(&batch, batch.len());
        Poll::Ready(batch.blocks().next().map(|block| Ok(Frame::data(block.text()))))
    }
}
