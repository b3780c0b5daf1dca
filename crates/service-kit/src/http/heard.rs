//! What a server for HTTP/1.1 reads from and writes to: notes when something is heard, and keeps a part of what may become
//! HTTP/2 back.
//!
//! A client that knows beforehand that we speak HTTP/2 begins with a [preface] that is no request of HTTP/1.1. Hyper's
//! server for HTTP/1.1 recognises it, but only where all of it is there: of a part it thinks that it is a malformed request.
//! So a part is kept back here until the rest has come or something else has. Nothing is read in advance or kept
//! otherwise, since most of these sockets carry streams of HTTP/1.1 for hours.
//!
//! [preface]: https://www.rfc-editor.org/rfc/rfc9113#section-3.4

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::patience::Patience;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes that are read at first. Nearly every head of a request fits.
const FIRST_READ: usize = 4 * 1024;

pub(super) struct Heard<T> {
    inner: TokioIo<T>,
    patience: Arc<Patience>,
    /// A part of the preface, until it is known what these bytes are.
    kept: Option<Vec<u8>>,
}

impl<T> Heard<T> {
    pub(super) fn new(inner: T, patience: Arc<Patience>) -> Self {
        Self {
            inner: TokioIo::new(inner),
            patience,
            kept: Some(Vec::new()),
        }
    }

    pub(super) fn into_inner(self) -> T {
        self.inner.into_inner()
    }
}

fn may_become_preface(bytes: &[u8]) -> bool {
    bytes.len() < PREFACE.len() && PREFACE.starts_with(bytes)
}

impl<T: AsyncRead + Unpin> Read for Heard<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let Some(kept) = &mut this.kept else {
            let read = Pin::new(&mut this.inner).poll_read(context, buffer);
            if read.is_ready() {
                this.patience.heard();
            }
            return read;
        };
        let mut bytes = [MaybeUninit::uninit(); FIRST_READ];
        let mut read = ReadBuf::uninit(&mut bytes[..FIRST_READ.min(buffer.remaining())]);
        read.put_slice(kept);
        loop {
            let before = read.filled().len();
            if Pin::new(this.inner.inner_mut())
                .poll_read(context, &mut read)?
                .is_pending()
            {
                *kept = read.filled().to_vec();
                return Poll::Pending;
            }
            let ended = read.filled().len() == before;
            if ended || !may_become_preface(read.filled()) {
                buffer.put_slice(read.filled());
                this.kept = None;
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<T: AsyncWrite + Unpin> Write for Heard<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }
}
