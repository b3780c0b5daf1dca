//! A socket whose first bytes say which version of HTTP is spoken on it.
//!
//! A client that knows beforehand that we speak HTTP/2 begins with a [preface] that is no request of HTTP/1.1. Hyper's
//! server for HTTP/1.1 recognises it, but only where all of it is there: of a part it thinks that it is a malformed request.
//! So a part is kept back here until the rest has come or something else has. Nothing is read in advance or kept
//! otherwise, since most of these sockets carry streams of HTTP/1.1 for hours.
//!
//! [preface]: https://www.rfc-editor.org/rfc/rfc9113#section-3.4

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes that are read at first. Nearly every head of a request fits.
const FIRST_READ: usize = 4 * 1024;

pub(super) struct FirstBytes {
    socket: TokioIo<TcpStream>,
    /// A part of the preface, until it is known what these bytes are.
    kept: Option<Vec<u8>>,
}

impl FirstBytes {
    pub(super) fn new(socket: TcpStream) -> Self {
        Self {
            socket: TokioIo::new(socket),
            kept: Some(Vec::new()),
        }
    }

    pub(super) fn get_ref(&self) -> &TcpStream {
        self.socket.inner()
    }

    pub(super) fn into_inner(self) -> TcpStream {
        self.socket.into_inner()
    }
}

fn may_become_preface(bytes: &[u8]) -> bool {
    bytes.len() < PREFACE.len() && PREFACE.starts_with(bytes)
}

impl Read for FirstBytes {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let Some(kept) = &mut this.kept else {
            return Pin::new(&mut this.socket).poll_read(context, buffer);
        };
        let mut bytes = [0; FIRST_READ];
        let mut read = ReadBuf::new(&mut bytes[..FIRST_READ.min(buffer.remaining())]);
        read.put_slice(kept);
        loop {
            let before = read.filled().len();
            if Pin::new(this.socket.inner_mut())
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

impl Write for FirstBytes {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, slices)
    }
}
